/* SPDX-License-Identifier: Apache-2.0 */
#include "anchors/owner.h"

#include "libc/compat.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

/*
 * In the initial user namespace, all users have a number. In any other, the kernel shows a user
 * without a number as this one: see user_namespaces(7).
 */
enum { UNMAPPED_UID = 65534 };

static bool all_users_have_numbers(void)
{
	char map[64];
	ssize_t len = 0;
	int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd >= 0) {
		len = read(fd, map, sizeof(map) - 1);
		close(fd);
	}
	map[len > 0 ? len : 0] = '\0';
	return strstr(map, " 4294967295\n") != NULL;
}

/* May it belong to any user? */
static bool is_unmapped(const struct stat *st)
{
	return st->st_uid == UNMAPPED_UID && !all_users_have_numbers();
}

/*
 * Root, or the user who started the program, as the kernel recorded it; nothing changes that. With
 * geteuid(), a daemon of root that acts as another user for a while, or has become that user, would
 * trust the files of that user while it still has what it read as root.
 */
static bool is_own(const struct stat *st, const uid_t *user)
{
	return st->st_uid == 0 ||
	       (st->st_uid == (user != NULL ? *user : getauxval(AT_EUID)) && !is_unmapped(st));
}

static const char *not_own(const struct stat *st)
{
	return is_unmapped(st) ? "skipped, because its owner has no number in this user namespace "
				 "and may be any user: mount it read-only at /etc/catrust/ca.d, or "
				 "set CATRUST_ALLOW_WRITABLE=1"
			       : "skipped, because it belongs neither to root nor to the user who "
				 "started the program";
}

/*
 * Do the group's permissions apply only to root's group, or to a user's own group (the same number,
 * as useradd makes them)? If there is an ACL, these bits are the maximum that it allows.
 */
static bool has_own_group(int fd, const struct stat *st)
{
	if (st->st_gid != 0 && (st->st_gid != st->st_uid || st->st_uid < 1000))
		return false;
	return fgetxattr(fd, "system.posix_acl_access", NULL, 0) < 0 &&
	       (errno == ENODATA || errno == ENOTSUP);
}

static bool is_read_only(int fd)
{
	struct statvfs fs;

	return fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0;
}

bool owner_is_the_systems(int fd, const struct stat *st)
{
	return (st->st_mode & (S_IWGRP | S_IWOTH)) == 0 && is_unmapped(st) && is_read_only(fd);
}

/* A user who may write to such a file or folder can impersonate any server. */
const char *owner_mistrust(int fd, const struct stat *st, const uid_t *user, bool system)
{
	bool sticky_dir = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0;

	if (system && owner_is_the_systems(fd, st))
		return NULL;
	if (!is_own(st, user))
		return not_own(st);
	if (sticky_dir)
		return NULL;
	if ((st->st_mode & S_IWOTH) == 0 && ((st->st_mode & S_IWGRP) == 0 || has_own_group(fd, st)))
		return NULL;
	/* Kubernetes mounts ConfigMaps and Secrets with mode 0777, but read-only. */
	if (is_read_only(fd))
		return NULL;
	return "skipped, because other users may write to it: chmod go-w, or set "
	       "CATRUST_ALLOW_WRITABLE=1";
}

const char *owner_mistrust_entry(const struct stat *entry, const uid_t *user)
{
	return is_own(entry, user) ? NULL : not_own(entry);
}

const char *owner_mistrust_link(const struct stat *entry)
{
	if (!S_ISREG(entry->st_mode) || entry->st_nlink < 2)
		return NULL;
	return "skipped, because it has more than one name (hard links), and another user may have "
	       "made this one: replace it with a copy";
}
