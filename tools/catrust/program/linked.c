/* SPDX-License-Identifier: Apache-2.0 */
#include "program/linked.h"

#include "base/input.h"
#include "program/capture.h"

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADERS_MAX = 64 };

/* Reads PT_INTERP of a 64-bit program of this byte order. */
static bool find_linker(int fd, char linker[PATH_MAX])
{
	Elf64_Phdr header;
	Elf64_Ehdr elf;

	if (input_at(fd, 0, &elf, sizeof(elf)) != 0 || memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 ||
	    elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_phentsize != sizeof(header))
		return false;
	for (size_t i = 0; i < elf.e_phnum && i < HEADERS_MAX; i++) {
		if (input_at(fd, elf.e_phoff + i * sizeof(header), &header, sizeof(header)) != 0)
			return false;
		if (header.p_type != PT_INTERP)
			continue;
		if (header.p_filesz < 2 || header.p_filesz > PATH_MAX ||
		    input_at(fd, header.p_offset, linker, header.p_filesz) != 0)
			return false;
		return linker[header.p_filesz - 1] == '\0';
	}
	return false;
}

/* The program names it, and may be a stranger's, so only what looks like a linker is run. */
static bool is_linker(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct stat st;

	return path[0] == '/' && strncmp(slash + 1, "ld", 2) == 0 && stat(path, &st) == 0 &&
	       S_ISREG(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid()) &&
	       (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Reads "\tlibssl.so.3 => /lib/libssl.so.3 (0x7f...)", or just the path. */
static void take_line(void *arg, char *line)
{
	char *arrow = strstr(line, " => "), *path = arrow == NULL ? line : arrow + 4, *end;
	struct linked *l = arg;

	path += strspn(path, " \t");
	end = strstr(path, " (0x");
	if (path[0] != '/' || end == NULL || l->count == LINKED_MAX)
		return;
	*end = '\0';
	l->path[l->count] = strdup(path);
	l->count += l->path[l->count] != NULL;
}

/* Reads "\tlibfoo.so.1 => not found". */
static void take_missing(void *arg, char *line)
{
	const char *name = line + strspn(line, " \t");
	char *end = strstr(line, " => not found");
	struct linked *l = arg;

	if (end == NULL || end < name || l->missing[0] != '\0')
		return;
	*end = '\0';
	snprintf(l->missing, sizeof(l->missing), "%s", name);
}

/* Like ldd. musl's linker does not know this variable, and would run the program. */
static void find_missing(char *const argv[], struct linked *l)
{
	static char setting[] = "LD_TRACE_LOADED_OBJECTS=1";
	char *trace[] = {argv[0], argv[2], NULL};

	if (strstr(argv[0], "musl") == NULL)
		(void)capture_run(trace, setting, take_missing, l);
}

int linked_read(const char *program, const char *preload, struct linked *ret)
{
	static char option[] = "--list";
	char linker[PATH_MAX], *copy = strdup(program), *setting = NULL;
	int fd = open(program, O_RDONLY | O_CLOEXEC | O_NOCTTY), status = -1;
	char *argv[] = {linker, option, copy, NULL};

	*ret = (struct linked){.count = 0};
	if (asprintf(&setting, "LD_PRELOAD=%s", preload) < 0)
		setting = NULL;
	if (copy != NULL && setting != NULL && fd >= 0 && find_linker(fd, linker) &&
	    is_linker(linker))
		status = capture_run(argv, setting, take_line, ret);
	if (status > 0)
		find_missing(argv, ret);
	if (fd >= 0)
		close(fd);
	free(setting);
	free(copy);
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
