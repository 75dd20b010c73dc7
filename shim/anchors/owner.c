/* SPDX-License-Identifier: Apache-2.0 */
#include "anchors/owner.h"

#include "anchors/compat.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

/*
 * In the user namespace that all others come of, all users have a number. In another, the kernel
 * shows who has none there as this one: user_namespaces(7).
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

/* May it be anybody's? */
static bool is_unmapped(const struct stat *st)
{
	return st->st_uid == UNMAPPED_UID && !all_users_have_numbers();
}

/*
 * Root, or the user that the program was started as: the kernel's note of it, which nothing
 * changes. With geteuid(), a daemon of root that acts as another user for a while, or has become
 * that user, would trust what that user wrote, with all that it holds as root.
 */
static bool is_own(const struct stat *st, const uid_t *user)
{
	return st->st_uid == 0 ||
	       (st->st_uid == (user != NULL ? *user : getauxval(AT_EUID)) && !is_unmapped(st));
}

static const char *not_own(const struct stat *st)
{
	return is_unmapped(st)
		       ? "skipped, since its owner is nobody in this user namespace, and may be "
			 "any user: "
			 "mount it read-only at /etc/catrust/ca.d, or set CATRUST_ALLOW_WRITABLE=1"
		       : "skipped, since it is owned by neither root nor the user that the "
			 "program was started as";
}

/*
 * Do the group's bits allow only root's group, or a user's own group (the same number, as useradd
 * makes them)? With an ACL, those bits are the most that it allows anyone.
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

/* A user who may write to a file or folder of trust may pose as any server. */
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
	return "skipped, since others may write to it: chmod go-w, or set CATRUST_ALLOW_WRITABLE=1";
}

const char *owner_mistrust_entry(const struct stat *entry, const uid_t *user)
{
	return is_own(entry, user) ? NULL : not_own(entry);
}

const char *owner_mistrust_link(const struct stat *entry)
{
	if (!S_ISREG(entry->st_mode) || entry->st_nlink < 2)
		return NULL;
	return "skipped, since it has more than one name, and others may have made this one: copy "
	       "it";
}
