/* SPDX-License-Identifier: Apache-2.0 */
#include "system/linkers.h"

#include "base/input.h"
#include "program/capture.h"

#include <elf.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The places in which programs name them; each machine's ABI fixes one. */
static const char *const places[] = {"/lib64/ld-linux*.so.*", "/lib64/ld64.so.*",
				     "/lib/ld-linux*.so.*",   "/lib/ld.so.*",
				     "/lib/ld64.so.*",	      "/libx32/ld-linux*.so.*"};

static bool read_header(const char *path, struct linker *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	Elf64_Ehdr elf; /* the machine is at the same place in 32 bits; the flags are not */
	Elf32_Ehdr elf32;
	bool ok = fd >= 0 && input_at(fd, 0, &elf, sizeof(elf)) == 0 &&
		  memcmp(elf.e_ident, ELFMAG, SELFMAG) == 0;

	if (fd >= 0)
		close(fd);
	if (!ok)
		return false;
	memcpy(&elf32, &elf, sizeof(elf32));
	ret->is_64 = elf.e_ident[EI_CLASS] == ELFCLASS64;
	ret->byte_order = elf.e_ident[EI_DATA];
	ret->machine = elf.e_machine;
	ret->flags = ret->is_64 ? elf.e_flags : elf32.e_flags;
	return true;
}

/* glibc since 2.33 prints it: dl_dst_lib="lib/x86_64-linux-gnu" */
static void take_line(void *arg, char *text)
{
	static const char name[] = "dl_dst_lib=\"";
	struct linker *l = arg;
	size_t len;

	if (strncmp(text, name, strlen(name)) != 0)
		return;
	text += strlen(name);
	len = strcspn(text, "\"");
	if (len < sizeof(l->lib)) {
		memcpy(l->lib, text, len);
		l->lib[len] = '\0';
	}
}

static bool is_there(const struct linkers *all, const struct linker *l)
{
	struct stat a, b;

	for (size_t i = 0; i < all->count; i++)
		if (stat(all->item[i].path, &a) == 0 && stat(l->path, &b) == 0 &&
		    a.st_dev == b.st_dev && a.st_ino == b.st_ino)
			return true;
	return false;
}

static void add(struct linkers *all, const char *path)
{
	static char diagnostics[] = "--list-diagnostics";
	struct linker *l = &all->item[all->count];
	char *argv[] = {l->path, diagnostics, NULL};

	if (all->count == LINKERS_MAX || strlen(path) >= sizeof(l->path))
		return;
	memset(l, 0, sizeof(*l));
	memcpy(l->path, path, strlen(path) + 1);
	/* An older one searches a program with that name, and exits with 127. So does a machine
	 * that can't run it. */
	if (!read_header(path, l) || is_there(all, l))
		return;
	(void)capture_run(argv, NULL, take_line, l);
	all->count++;
}

void linkers_find(struct linkers *ret)
{
	glob_t found;

	*ret = (struct linkers){.count = 0};
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (glob(places[i], 0, NULL, &found) != 0)
			continue;
		for (size_t j = 0; j < found.gl_pathc; j++)
			add(ret, found.gl_pathv[j]);
		globfree(&found);
	}
	ret->has_musl = glob("/lib/ld-musl-*.so.1", 0, NULL, &found) == 0;
	if (ret->has_musl)
		globfree(&found);
}

bool linkers_is_for(const struct linker *linker, const char *path)
{
	struct linker of;

	return read_header(path, &of) && of.is_64 == linker->is_64 &&
	       of.machine == linker->machine && of.byte_order == linker->byte_order;
}
