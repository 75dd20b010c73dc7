/* SPDX-License-Identifier: Apache-2.0 */
#include "owner.h"

#include "compat.h"
#include "reading.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

/*
 * Is what the group's bits allow for nobody but root's group, or a user's own group (same number,
 * as useradd makes them)? Where there is an ACL, those bits are what it allows anybody at most.
 */
static bool has_own_group(int fd, const struct stat *st)
{
	if (st->st_gid != 0 && (st->st_gid != st->st_uid || st->st_uid < 1000))
		return false;
	return fgetxattr(fd, "system.posix_acl_access", NULL, 0) < 0;
}

/* Whoever may write to a file or folder of trust may become anybody. */
const char *owner_mistrust(int fd, const struct stat *st)
{
	bool sticky_dir = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0;
	struct statvfs fs;

	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "skipped, since it is owned by neither root nor the current user";
	if (sticky_dir)
		return NULL;
	if ((st->st_mode & S_IWOTH) == 0 && ((st->st_mode & S_IWGRP) == 0 || has_own_group(fd, st)))
		return NULL;
	/* Kubernetes mounts ConfigMaps and Secrets with mode 0777, but read-only. */
	if (fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0)
		return NULL;
	return "skipped, since others may write to it: chmod go-w, or set CATRUST_ALLOW_WRITABLE=1";
}

const char *owner_mistrust_entry(int dir, const char *name, struct stat *found)
{
	if (compat_lstatat(dir, name, found) != 0)
		return reading_why(errno);
	return found->st_uid == 0 || found->st_uid == geteuid()
		       ? NULL
		       : "skipped, since it is owned by neither root nor the current user";
}

const char *owner_mistrust_opened(int dir, const char *name, const struct stat *before)
{
	struct stat now;
	const char *reason = owner_mistrust_entry(dir, name, &now);

	if (reason == NULL && (now.st_dev != before->st_dev || now.st_ino != before->st_ino))
		reason = "skipped, since it is being replaced";
	return reason;
}
