/* SPDX-License-Identifier: Apache-2.0 */
#include "base/temporary.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PREFIX ".catrust-"

/* Reads a number of up to nine digits off the front of *at; false if there is none. */
static bool take_number(const char **at, unsigned long *ret)
{
	size_t digits = strspn(*at, "0123456789");

	if (digits == 0 || digits > 9)
		return false;
	*ret = strtoul(*at, NULL, 10);
	*at += digits;
	return true;
}

/* The process that made a file with this name; 0: it is not one of these files. */
static pid_t maker_of(const char *name)
{
	const char *at = name + strlen(PREFIX);
	unsigned long pid, ns;

	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0 || !take_number(&at, &pid) || *at++ != '-' ||
	    !take_number(&at, &ns) || strcmp(at, ".tmp") != 0)
		return 0;
	return (pid_t)pid;
}

/*
 * A living process may be another one with the same number; its file is then left for later. A
 * process that can't be seen may run in another container, so the lock counts, too.
 */
static bool is_left_over(int dir, const char *name)
{
	pid_t maker = maker_of(name);
	struct stat st;
	bool unlocked;
	int fd;

	if (maker <= 0 || kill(maker, 0) == 0 || errno != ESRCH ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_uid != geteuid())
		return false;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	unlocked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
	if (fd >= 0)
		close(fd);
	return unlocked;
}

static void remove_left_over(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (d == NULL && fd >= 0)
		close(fd);
	/* cppcheck-suppress readdirCalled; glibc deprecates readdir_r */
	while (d != NULL && (entry = readdir(d)) != NULL)
		if (is_left_over(dir, entry->d_name))
			unlinkat(dir, entry->d_name, 0);
	if (d != NULL)
		closedir(d);
}

int temporary_make(int dir, char name[TEMPORARY_NAME])
{
	struct timespec now;
	int fd;

	remove_left_over(dir);
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(name, TEMPORARY_NAME, PREFIX "%ld-%ld.tmp", (long)getpid(), now.tv_nsec);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	(void)flock(fd, LOCK_EX | LOCK_NB);
	return fd;
}
