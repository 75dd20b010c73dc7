/* SPDX-License-Identifier: Apache-2.0 */
#include "base/output.h"

#include "base/interrupts.h"
#include "base/show.h"
#include "base/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int output_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t wrote = write(fd, at, len);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return -errno;
		at += wrote;
		len -= (size_t)wrote;
	}
	return 0;
}

/* Returns 0 or a negative errno; -ENOTTY if it is a terminal and must not be. */
static int write_special(const char *path, const void *data, size_t len, bool binary)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	int error;

	if (fd < 0)
		return -errno;
	error = binary && isatty(fd) ? -ENOTTY : output_all(fd, data, len);
	if (close(fd) != 0 && error == 0)
		error = -errno;
	return error;
}

/* The directory of path, opened, and the rest of the name. */
static int open_parent(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	int len = slash == NULL ? 0 : (int)(slash + 1 - path), fd;

	*name = path + len;
	if (snprintf(dir, sizeof(dir), "%.*s", len == 0 ? 1 : len, len == 0 ? "." : path) >=
	    PATH_MAX)
		return -ENAMETOOLONG;
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fd;
}

/*
 * Keeps the group of the replaced file, so that its readers can still read it. Does not keep
 * another owner, who would then own what is written here. Returns 0 or a negative errno.
 */
static int keep_group(int fd, const struct stat *old)
{
	if (old->st_uid != geteuid() || fchown(fd, (uid_t)-1, old->st_gid) == 0 || errno == EPERM ||
	    errno == EINVAL)
		return 0;
	return -errno;
}

/* old: the status of the file that is replaced, or NULL. Returns 0 or a negative errno. */
static int put(int dir, const char *name, const void *data, size_t len, const struct stat *old)
{
	mode_t mode = old == NULL ? 0644 : old->st_mode & 0777;
	char temporary[TEMPORARY_NAME];
	int fd = temporary_make(dir, temporary);
	int error;

	if (fd < 0)
		return fd;
	error = output_all(fd, data, len);
	if (error == 0 && old != NULL)
		error = keep_group(fd, old);
	if (error == 0 && (fchmod(fd, mode) != 0 || fsync(fd) != 0))
		error = -errno;
	if (error == 0 && renameat(dir, temporary, dir, name) != 0)
		error = -errno;
	if (error != 0)
		unlinkat(dir, temporary, 0);
	if (close(fd) != 0 && error == 0)
		error = -errno;
	return error;
}

static int replace(const char *path, const void *data, size_t len, const struct stat *old)
{
	const char *name;
	int dir = open_parent(path, &name);
	sigset_t before;
	int error;

	if (dir < 0)
		return dir;
	interrupts_hold(&before);
	error = put(dir, name, data, len, old);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(dir);
	return error;
}

int output_file(const char *path, const void *data, size_t len, bool binary, struct reason *why)
{
	char shown[SHOW_MAX];
	struct stat st;
	char *target = NULL;
	int error;

	if (stat(path, &st) != 0) {
		error = errno == ENOENT ? replace(path, data, len, NULL) : -errno;
	} else if (S_ISDIR(st.st_mode)) {
		error = -EISDIR;
	} else if (!S_ISREG(st.st_mode)) {
		error = write_special(path, data, len, binary);
	} else {
		/* If path is a link, its target is replaced, not the link. */
		target = realpath(path, NULL);
		error = target == NULL ? -errno : replace(target, data, len, &st);
	}
	free(target);
	if (error == -ENOTTY)
		reason_set(why, "%s: a terminal, which can't show this format",
			   show_text(path, shown));
	else if (error != 0)
		reason_set(why, "%s: %s", show_text(path, shown), strerror(-error));
	return error == 0 ? 0 : -1;
}
