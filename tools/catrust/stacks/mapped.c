/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks/mapped.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 20000 };

static int open_file(const char *path, uint64_t inode)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
			(inode != 0 && (uint64_t)st.st_ino != inode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/*
 * The first way works even if the file was replaced or is in another mount namespace, but may
 * be root's alone. Some file systems show another inode in maps: then the path has to do.
 */
static int open_mapped(pid_t tid, const struct procfile_mapping *m)
{
	char path[PATH_MAX + 64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/map_files/%llx-%llx", (long)tid,
		 (unsigned long long)m->start, (unsigned long long)m->end);
	fd = open_file(path, 0);
	if (fd < 0)
		fd = open_file(m->path, m->inode);
	if (fd < 0) {
		snprintf(path, sizeof(path), "/proc/%ld/root%s", (long)tid, m->path);
		fd = open_file(path, 0);
	}
	return fd;
}

static void look_into(struct mapped_file *f, pid_t tid, const struct procfile_mapping *m)
{
	int fd = open_mapped(tid, m);

	if (fd < 0)
		return;
	f->is_elf = tlsfile_read_fd(fd, f->path, &f->facts) == 0;
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
