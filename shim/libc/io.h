/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_IO_H
#define CATRUST_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Reads to the end of the file, at most size bytes. Returns their number, or a negative errno. */
ssize_t io_read_all(int fd, void *buf, size_t size);

/*
 * Reads a file of at most most bytes; expected is its size as stat() has it, which some file
 * systems do not know. Returns 0 and *ret, to be freed, or -EFBIG, -ENOMEM or another negative
 * errno.
 */
int io_read_file(int fd, size_t expected, size_t most, unsigned char **ret, size_t *ret_len);

/*
 * Writes without raising SIGPIPE, SIGXFSZ or SIGTTOU in the program. is_file: a regular file, which
 * can only raise SIGXFSZ. Returns false if not all of it was written.
 */
bool io_write_quietly(int fd, bool is_file, const void *data, size_t len);

#endif
