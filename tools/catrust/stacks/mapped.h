/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_MAPPED_H
#define CATRUST_MAPPED_H

#include "program/procfile.h"
#include "program/tlsfile.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A file that processes have mapped. It is read once, even if many programs load it. */
struct mapped_file {
	struct mapped_file *next;
	char *path;
	char *device;
	uint64_t inode;
	bool is_elf;
	struct tls_file facts;
	char version[16]; /* of libcatrust.so, from the file; "": another file, or unknown */
};

struct mapped_files {
	struct mapped_file *first;
	size_t count;
};

/* The file of a mapping of thread tid, which lives as long as *files; NULL: out of memory, or there
 * are too many. */
const struct mapped_file *mapped_file(struct mapped_files *files, pid_t tid,
				      const struct procfile_mapping *m);

void mapped_files_clear(struct mapped_files *files);

#endif
