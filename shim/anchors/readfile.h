/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_READFILE_H
#define CATRUST_READFILE_H

#include "anchors/reading.h"

#include <fcntl.h>
#include <sys/stat.h>

/* O_NONBLOCK: a FIFO must not block the program. For a regular file it changes nothing. */
enum { READ_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

/* Takes the file over from the reading before, if it looks the same as then. */
bool readfile_again(struct reading *r, const struct stat *st, const char *path);

/* Reads a file into r. fd: the open file; it is closed here. */
void readfile(struct reading *r, int fd, const struct stat *st, const char *path);

/* The same for bytes in memory; path: where they come from. */
void readfile_parse(struct reading *r, const struct stat *st, const char *path,
		    const unsigned char *data, size_t len);

#endif
