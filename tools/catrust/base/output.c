/* SPDX-License-Identifier: Apache-2.0 */
#include "base/output.h"

#include "base/interrupts.h"
#include "base/show.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
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

/* Returns 0 or a negative errno; -ENOTTY where it is a terminal and must not be. */
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

/* A name beside path that no file has. */
static int temporary_beside(const char *path, char buf[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	int len = slash == NULL ? 0 : (int)(slash + 1 - path);
	struct timespec now;
	int wrote;

	clock_gettime(CLOCK_REALTIME, &now);
	wrote = snprintf(buf, PATH_MAX, "%.*s.catrust-%ld-%ld.tmp", len, path, (long)getpid(),
			 now.tv_nsec);
	return wrote < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int write_temporary(int fd, const void *data, size_t len, mode_t mode)
{
	int error = output_all(fd, data, len);

	if (error == 0 && (fchmod(fd, mode) != 0 || fsync(fd) != 0))
		error = -errno;
	if (close(fd) != 0 && error == 0)
		error = -errno;
	return error;
}

static int replace(const char *path, const void *data, size_t len, mode_t mode)
{
	char temporary[PATH_MAX];
	sigset_t before;
	int error = temporary_beside(path, temporary);
	int fd;

	if (error != 0)
		return error;
	interrupts_hold(&before);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		error = -errno;
	} else {
		error = write_temporary(fd, data, len, mode);
		if (error == 0 && rename(temporary, path) != 0)
			error = -errno;
		if (error != 0)
			unlink(temporary);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return error;
}

int output_file(const char *path, const void *data, size_t len, bool binary, struct reason *why)
{
	char shown[SHOW_MAX];
	struct stat st;
	char *target = NULL;
	int error;

	if (stat(path, &st) != 0) {
		error = errno == ENOENT ? replace(path, data, len, 0644) : -errno;
	} else if (S_ISDIR(st.st_mode)) {
		error = -EISDIR;
	} else if (!S_ISREG(st.st_mode)) {
		error = write_special(path, data, len, binary);
	} else {
		/* What a link points to is replaced, not the link. */
		target = realpath(path, NULL);
		error = target == NULL ? -errno : replace(target, data, len, st.st_mode & 0777);
	}
	free(target);
	if (error == -ENOTTY)
		reason_set(why, "%s: a terminal, which can't show this format",
			   show_text(path, shown));
	else if (error != 0)
		reason_set(why, "%s: %s", show_text(path, shown), strerror(-error));
	return error == 0 ? 0 : -1;
}
