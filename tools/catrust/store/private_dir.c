/* SPDX-License-Identifier: Apache-2.0 */
#include "store/private_dir.h"

#include "base/output.h"
#include "base/show.h"
#include "base/temporary.h"
#include "base/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* If other users could change it, they could make this user's programs trust anything. */
static const char *problem_with(const struct stat *st, bool own)
{
	if (!S_ISDIR(st->st_mode))
		return "not a directory";
	if (st->st_uid != geteuid() && (own || st->st_uid != 0))
		return "owned by another user";
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0 && (own || (st->st_mode & S_ISVTX) == 0))
		return "other users may write to it";
	return NULL;
}

/* Can any user reach files in path, which is absolute and without symbolic links? */
static bool all_may_pass(const char *path)
{
	char part[PATH_MAX];
	struct stat st;

	for (size_t i = 1; i <= strlen(path); i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (stat(part, &st) != 0 || (st.st_mode & S_IXOTH) == 0)
			return false;
	}
	return true;
}

static int open_own(const char *path, mode_t mode, struct reason *why)
{
	const char *problem = NULL;
	char shown[SHOW_MAX];
	struct stat st;
	int fd;

	(void)walk_make(AT_FDCWD, path, mode);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* A symbolic link gives ENOTDIR or ELOOP. */
	if (fd < 0 || fstat(fd, &st) != 0)
		problem = strerror(errno);
	else
		problem = problem_with(&st, true);
	if (problem == NULL)
		return fd;
	reason_set(why, "%s: %s", show_text(path, shown), problem);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Opens the directory name below base. */
static int open_below(const char *base, const char *name, char path[PATH_MAX], struct reason *why)
{
	char real[PATH_MAX], shown[SHOW_MAX];
	const char *problem = NULL;
	bool root = geteuid() == 0;
	struct stat st;
	int len;

	if (realpath(base, real) == NULL || stat(real, &st) != 0)
		problem = strerror(errno);
	else
		problem = problem_with(&st, false);
	if (problem == NULL && root && !all_may_pass(real))
		problem = "programs that give up root's rights could not read what is in it";
	if (problem != NULL) {
		reason_set(why, "%s: %s", show_text(base, shown), problem);
		return -1;
	}
	len = snprintf(path, PATH_MAX, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name);
	if (len < 0 || len >= PATH_MAX) {
		reason_set(why, "%s: %s", show_text(base, shown), strerror(ENAMETOOLONG));
		return -1;
	}
	return open_own(path, root ? 0755 : 0700, why);
}

static bool is_absolute(const char *path)
{
	return path != NULL && path[0] == '/';
}

/* $XDG_CACHE_HOME, or ~/.cache, which is created. Returns whether there is such a place. */
static bool cache_base(char base[PATH_MAX])
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	struct stat st;

	if (is_absolute(xdg))
		return snprintf(base, PATH_MAX, "%s", xdg) < PATH_MAX;
	if (home == NULL || home[0] != '/' ||
	    snprintf(base, PATH_MAX, "%s/.cache", home) >= PATH_MAX)
		return false;
	/* Root must not create it in the home of the user who called sudo. */
	if (stat(home, &st) == 0 && st.st_uid == geteuid())
		(void)mkdir(base, 0700);
	return true;
}

int private_dir_open(char path[PATH_MAX], struct reason *why)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR"), *tmp = getenv("TMPDIR");
	struct reason whys[4] = {{""}, {""}, {""}, {""}};
	char base[PATH_MAX], name[32];
	int fd = -1;

	if (is_absolute(runtime))
		fd = open_below(runtime, "catrust", path, &whys[0]);
	if (fd < 0 && geteuid() == 0)
		fd = open_below("/run", "catrust", path, &whys[1]);
	/* Before /tmp, where old files are removed and other users may then take their names. */
	if (fd < 0 && cache_base(base))
		fd = open_below(base, "catrust", path, &whys[2]);
	snprintf(name, sizeof(name), "catrust-%lu", (unsigned long)geteuid());
	if (fd < 0)
		fd = open_below(is_absolute(tmp) ? tmp : "/tmp", name, path, &whys[3]);
	if (fd < 0) {
		char all[sizeof(whys)] = "";
		size_t at = 0;

		for (size_t i = 0; i < sizeof(whys) / sizeof(*whys); i++)
			if (whys[i].text[0] != '\0' && at < sizeof(all))
				at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%s",
						       at > 0 ? "; " : "", whys[i].text);
		reason_set(why, "there is no directory to keep a bundle of certificates in: %s",
			   all);
	}
	return fd;
}

/*
 * Is the file already correct? Its time is the last use: a file that is unused for long is removed.
 */
static bool is_kept(int dir, const char *name, const char *data, size_t len)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool same = false;
	struct stat st;
	char *there;
	size_t at = 0;

	if (fd < 0)
		return false;
	there = malloc(len + 1);
	if (there != NULL && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    (st.st_mode & 07777) == 0644) {
		ssize_t got = 1;

		while (at <= len && (got = read(fd, there + at, len + 1 - at)) > 0)
			at += (size_t)got;
		same = got == 0 && at == len && memcmp(there, data, len) == 0;
		(void)futimens(fd, NULL);
		/* Another run may have just removed it, or replaced it with an equal one. */
		same = same && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	}
	free(there);
	close(fd);
	return same;
}

int private_dir_put(int dir, const char *name, const char *data, size_t len)
{
	char temporary[TEMPORARY_NAME];
	int error, fd;

	if (is_kept(dir, name, data, len))
		return 0;
	fd = temporary_make(dir, temporary);
	if (fd < 0)
		return fd;
	error = output_all(fd, data, len);
	/* After a power failure, the file must not be empty. */
	if (error == 0 && (fchmod(fd, 0644) != 0 || fsync(fd) != 0))
		error = -errno;
	if (close(fd) != 0 && error == 0)
		error = -errno;
	/* Parallel runs write the same data there. */
	if (error == 0 && renameat(dir, temporary, dir, name) != 0)
		error = -errno;
	if (error != 0)
		unlinkat(dir, temporary, 0);
	else if (!is_kept(dir, name, data, len))
		error = -EIO;
	return error;
}
