/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks/mapped.h"

#include "base/input.h"
#include "process/seen.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 20000 };

/* Opens only regular files, because opening a device has effects. */
static int open_file(const char *path, uint64_t inode)
{
	int place = open(path, O_PATH | O_CLOEXEC), fd = -1;
	char link[64];
	struct stat st;

	if (place < 0)
		return -1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", place);
	if (fstat(place, &st) == 0 && S_ISREG(st.st_mode) &&
	    (inode == 0 || (uint64_t)st.st_ino == inode))
		fd = open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	close(place);
	return fd;
}

/*
 * The first way works even if the file was replaced or is in another mount namespace, but may need
 * root. Some file systems show another inode in maps: then the path must be enough. The same
 * applies to a replaced file: the new one most likely is of the same kind.
 */
static int open_mapped(pid_t tid, const struct procfile_mapping *m, bool *ret_is_other)
{
	char path[PATH_MAX + 64];
	int fd;

	*ret_is_other = false;
	snprintf(path, sizeof(path), "/proc/%ld/map_files/%llx-%llx", (long)tid,
		 (unsigned long long)m->start, (unsigned long long)m->end);
	fd = open_file(path, 0);
	if (fd < 0)
		fd = open_file(m->path, m->inode);
	if (fd < 0) {
		snprintf(path, sizeof(path), "/proc/%ld/root%s", (long)tid, m->path);
		fd = open_file(path, 0);
		*ret_is_other = m->is_deleted;
	}
	return fd;
}

/* The library's mark is also in the process's memory, at a multiple of a pointer's size. */
static void read_version(int fd, char ret[16])
{
	enum { STEP = 4096, MOST = 16 << 20 };
	char bytes[STEP];
	struct seen found;

	for (uint64_t at = 0; at < MOST; at += STEP) {
		ssize_t got = pread(fd, bytes, STEP, (off_t)at);
		size_t len = got < 0 ? 0 : (size_t)got;

		for (size_t i = 0; i + sizeof(SEEN_MAGIC) <= len; i += sizeof(void *)) {
			if (memcmp(bytes + i, SEEN_MAGIC, sizeof(SEEN_MAGIC)) != 0 ||
			    input_at(fd, at + i, &found, sizeof(found)) != 0)
				continue;
			memcpy(ret, found.version, sizeof(found.version) - 1);
			return;
		}
		if (len < STEP)
			return;
	}
}

static void look_into(struct mapped_file *f, pid_t tid, const struct procfile_mapping *m)
{
	bool is_other;
	int fd = open_mapped(tid, m, &is_other);

	if (fd < 0)
		return;
	f->is_elf = tlsfile_read_fd(fd, f->path, &f->facts) == 0;
	if (f->is_elf && !is_other && strcmp(input_name(f->path), "libcatrust.so") == 0)
		read_version(fd, f->version);
	close(fd);
}

const struct mapped_file *mapped_file(struct mapped_files *files, pid_t tid,
				      const struct procfile_mapping *m)
{
	struct mapped_file *f;

	for (f = files->first; f != NULL; f = f->next)
		if (f->inode == m->inode && strcmp(f->device, m->device) == 0 &&
		    strcmp(f->path, m->path) == 0)
			return f;
	f = files->count < FILES_MAX ? calloc(1, sizeof(*f)) : NULL;
	if (f == NULL)
		goto fail;
	f->path = strdup(m->path);
	f->device = strdup(m->device);
	f->inode = m->inode;
	if (f->path == NULL || f->device == NULL)
		goto fail;
	look_into(f, tid, m);
	f->next = files->first;
	files->first = f;
	files->count++;
	return f;
fail:
	if (f != NULL) {
		free(f->path);
		free(f->device);
	}
	free(f);
	return NULL;
}

void mapped_files_clear(struct mapped_files *files)
{
	while (files->first != NULL) {
		struct mapped_file *next = files->first->next;

		free(files->first->path);
		free(files->first->device);
		free(files->first);
		files->first = next;
	}
	files->count = 0;
}
