/* SPDX-License-Identifier: Apache-2.0 */
#include "base/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_LINKS = 40 }; /* as the kernel's */

int walk_make(int dir, const char *name, mode_t mode)
{
	mode_t before = umask(0);
	int error = mkdirat(dir, name, mode) == 0 ? 0 : -errno;

	umask(before);
	return error;
}

/* Takes the first name off rest. Returns false if there is none. */
static bool next_name(char rest[PATH_MAX], char name[NAME_MAX + 1], int *error)
{
	const char *from = rest + strspn(rest, "/");
	size_t len = strcspn(from, "/");

	*error = len > NAME_MAX ? -ENAMETOOLONG : 0;
	if (len == 0 || *error != 0)
		return false;
	memcpy(name, from, len);
	name[len] = '\0';
	memmove(rest, from + len, strlen(from + len) + 1);
	return true;
}

/* Puts the target of the link in front of rest. Returns 0 or a negative errno. */
static int follow(int link, const struct stat *st, char rest[PATH_MAX])
{
	char to[PATH_MAX], whole[PATH_MAX];
	ssize_t len;

	if (st->st_uid != 0 && st->st_uid != geteuid())
		return -ELOOP;
	len = readlinkat(link, "", to, sizeof(to));
	if (len < 0)
		return -errno;
	if (snprintf(whole, sizeof(whole), "%.*s/%s", (int)len, to, rest) >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(rest, whole, strlen(whole) + 1);
	return 0;
}

static int start_of(const char *path)
{
	int dir = open(path[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return -errno;
	return dir;
}

/* Opens name in dir, whatever it is. If it is missing and make is set, creates it. */
static int open_step(int dir, const char *name, bool make, struct stat *st)
{
	int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int error;

	if (fd < 0 && errno == ENOENT && make) {
		error = walk_make(dir, name, 0755);
		if (error != 0 && error != -EEXIST)
			return error;
		fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0)
		return -errno;
	if (fstat(fd, st) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

/* Returns the descriptor that the walk goes on from, dir or another one; *error: 0, or why not. */
static int step(int dir, const char *name, bool make, char rest[PATH_MAX], int *error)
{
	struct stat st = {.st_mode = 0};
	int fd = open_step(dir, name, make, &st), next = dir;

	*error = fd < 0 ? fd : 0;
	if (fd >= 0 && S_ISLNK(st.st_mode)) {
		*error = follow(fd, &st, rest);
		close(fd);
		if (*error == 0 && rest[0] == '/') {
			next = start_of(rest);
			*error = next < 0 ? next : 0;
		}
	} else if (fd >= 0 && !S_ISDIR(st.st_mode)) {
		*error = -ENOTDIR;
		close(fd);
	} else if (fd >= 0) {
		next = fd;
	}
	return next < 0 ? dir : next;
}

int walk_directory(const char *path, bool make)
{
	char rest[PATH_MAX], name[NAME_MAX + 1];
	int error = 0, dir, fd;

	if (path[0] == '\0')
		return -ENOENT;
	if (strlen(path) >= sizeof(rest))
		return -ENAMETOOLONG;
	memcpy(rest, path, strlen(path) + 1);
	dir = start_of(path);
	if (dir < 0)
		return dir;
	for (int links = 0; error == 0 && next_name(rest, name, &error);) {
		size_t before = strlen(rest);
		int next = step(dir, name, make, rest, &error);

		/* A link makes rest longer, if only by its slash. */
		if (error == 0 && strlen(rest) > before && ++links > MAX_LINKS)
			error = -ELOOP;
		if (next != dir)
			close(dir);
		dir = next;
	}
	fd = error != 0 ? error : openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (error == 0 && fd < 0)
		fd = -errno;
	close(dir);
	return fd;
}
