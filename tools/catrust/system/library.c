/* SPDX-License-Identifier: Apache-2.0 */
#include "system/library.h"

#include "base/show.h"
#include "program/capture.h"
#include "program/runner.h"
#include "program/tlsfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void take_line(void *arg, char *text)
{
	static const char name[] = "LD_PRELOAD=";
	char *path = arg;
	size_t len;

	if (strncmp(text, name, strlen(name)) != 0)
		return;
	text += strlen(name);
	len = strcspn(text, "\n");
	if (len < PATH_MAX) {
		memcpy(path, text, len);
		path[len] = '\0';
	}
}

/* catrust-run, which is next to this program, knows where the library is. */
int library_find(char path[PATH_MAX], struct reason *why)
{
	static char option[] = "--print-env=docker", none[] = "LD_PRELOAD=";
	char beside[PATH_MAX], shown[SHOW_MAX];
	char *argv[] = {beside, option, NULL};

	path[0] = '\0';
	if (runner_find(beside, "knows where the library is", why) != 0)
		return -1;
	if (capture_run(argv, none, take_line, path) == 0 && path[0] == '/')
		return 0;
	reason_set(why,
		   "libcatrust.so is not there: install catrust again (%s --print-env says "
		   "where it was looked for)",
		   show_text(beside, shown));
	return -1;
}

static const char *problem_with(const struct stat *st, bool is_file)
{
	if (st->st_uid != 0)
		return "owned by another user than root";
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return "others than root may write to it";
	if ((st->st_mode & (is_file ? S_IROTH : S_IXOTH)) == 0)
		return "not every user may read it";
	return is_file && !S_ISREG(st->st_mode) ? "not a regular file" : NULL;
}

/* Is the file complete, as far as visible without running it? */
static const char *damage_of(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct tls_file file;
	const char *problem = NULL;

	if (fd < 0)
		return strerror(errno);
	if (tlsfile_read_fd(fd, path, &file) != 0 || file.elf.name[NAME_VERIFY] != SYMBOL_DEFINED)
		problem = "damaged: it is not libcatrust.so";
	close(fd);
	return problem;
}

static int check_parts(const char *path, struct reason *why)
{
	char part[PATH_MAX], shown[SHOW_MAX];
	const char *problem = NULL;
	struct stat st;

	for (size_t i = 1; problem == NULL && i <= strlen(path); i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		problem =
			stat(part, &st) != 0 ? strerror(errno) : problem_with(&st, path[i] == '\0');
	}
	if (problem == NULL)
		return 0;
	reason_set(why, "%s: %s", show_text(part, shown), problem);
	return -1;
}

int library_check_path(const char *path, struct reason *why)
{
	char real[PATH_MAX], shown[SHOW_MAX];

	if (strlen(path) < PATH_MAX && realpath(path, real) != NULL)
		return check_parts(path, why) == 0 ? check_parts(real, why) : -1;
	reason_set(why, "%s: %s", show_text(path, shown), strerror(errno));
	return -1;
}

int library_check(const char *path, struct reason *why)
{
	const char *problem;
	char shown[SHOW_MAX];

	if (library_check_path(path, why) != 0)
		return -1;
	problem = damage_of(path);
	if (problem == NULL)
		return 0;
	reason_set(why, "%s: %s", show_text(path, shown), problem);
	return -1;
}
