/* SPDX-License-Identifier: Apache-2.0 */
#include "linked.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HEADERS_MAX = 64, OUTPUT_MAX = 256 << 10 };

static bool read_at(int fd, uint64_t at, void *buf, size_t len)
{
	return at <= INT64_MAX && pread(fd, buf, len, (off_t)at) == (ssize_t)len;
}

/* PT_INTERP of a 64-bit program of this byte order. */
static bool find_linker(int fd, char linker[PATH_MAX])
{
	Elf64_Phdr header;
	Elf64_Ehdr elf;

	if (!read_at(fd, 0, &elf, sizeof(elf)) || memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 ||
	    elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_phentsize != sizeof(header))
		return false;
	for (size_t i = 0; i < elf.e_phnum && i < HEADERS_MAX; i++) {
		if (!read_at(fd, elf.e_phoff + i * sizeof(header), &header, sizeof(header)))
			return false;
		if (header.p_type != PT_INTERP)
			continue;
		if (header.p_filesz < 2 || header.p_filesz > PATH_MAX ||
		    !read_at(fd, header.p_offset, linker, header.p_filesz))
			return false;
		return linker[header.p_filesz - 1] == '\0';
	}
	return false;
}

/* The program names it, and the program may be a stranger's: only what looks like one is run. */
static bool is_linker(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct stat st;

	return path[0] == '/' && strncmp(slash + 1, "ld", 2) == 0 && stat(path, &st) == 0 &&
	       S_ISREG(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid()) &&
	       (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* The environment, to be freed, with LD_PRELOAD as it shall be. */
static char **make_environment(char *preload)
{
	size_t count = 0, kept = 0;
	char **env;

	while (environ[count] != NULL)
		count++;
	env = calloc(count + 2, sizeof(*env));
	if (env == NULL)
		return NULL;
	env[kept++] = preload;
	for (size_t i = 0; i < count; i++)
		if (strncmp(environ[i], "LD_PRELOAD=", strlen("LD_PRELOAD=")) != 0)
			env[kept++] = environ[i];
	return env;
}

static pid_t start(char *linker, const char *program, const char *preload, int to)
{
	static char option[] = "--list", null[] = "/dev/null";
	char **env = NULL, *setting = NULL, *copy = strdup(program);
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;

	if (posix_spawn_file_actions_init(&actions) != 0) {
		free(copy);
		return -1;
	}
	if (copy != NULL && asprintf(&setting, "LD_PRELOAD=%s", preload) >= 0)
		env = make_environment(setting);
	else
		setting = NULL;
	if (env != NULL && posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO) == 0 &&
	    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, null, O_WRONLY, 0) == 0) {
		char *argv[] = {linker, option, copy, NULL};

		if (posix_spawn(&pid, linker, &actions, NULL, argv, env) != 0)
			pid = -1;
	}
	posix_spawn_file_actions_destroy(&actions);
	free(env);
	free(setting);
	free(copy);
	return pid;
}

/* "\tlibssl.so.3 => /lib/libssl.so.3 (0x7f...)", or just the path */
static void take_line(struct linked *l, char *line)
{
	char *arrow = strstr(line, " => "), *path = arrow == NULL ? line : arrow + 4, *end;

	path += strspn(path, " \t");
	end = strstr(path, " (0x");
	if (path[0] != '/' || end == NULL || l->count == LINKED_MAX)
		return;
	*end = '\0';
	l->path[l->count] = strdup(path);
	l->count += l->path[l->count] != NULL;
}

int linked_read(const char *program, const char *preload, struct linked *ret)
{
	int fd = open(program, O_RDONLY | O_CLOEXEC | O_NOCTTY), pipes[2] = {-1, -1}, status = -1;
	char linker[PATH_MAX], line[PATH_MAX + 200];
	size_t total = 0;
	FILE *from = NULL;
	pid_t pid = -1;

	*ret = (struct linked){.count = 0};
	if (fd >= 0 && find_linker(fd, linker) && is_linker(linker) && pipe2(pipes, O_CLOEXEC) == 0)
		pid = start(linker, program, preload, pipes[1]);
	if (fd >= 0)
		close(fd);
	if (pipes[1] >= 0)
		close(pipes[1]);
	if (pid > 0)
		from = fdopen(pipes[0], "r");
	while (from != NULL && total < OUTPUT_MAX && fgets(line, sizeof(line), from) != NULL) {
		total += strlen(line);
		take_line(ret, line);
	}
	if (from != NULL)
		fclose(from);
	else if (pipes[0] >= 0)
		close(pipes[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (status == 0)
		return 0;
	linked_clear(ret);
	return -1;
}

void linked_clear(struct linked *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->path[i]);
	l->count = 0;
}
