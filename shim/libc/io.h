/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_IO_H
#define CATRUST_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Reads to the end of the file, at most size bytes. Returns their number, or a negative errno. */
ssize_t io_read_all(int fd, void *buf, size_t size);

/*
 * One write() that raises no SIGPIPE, SIGXFSZ or SIGTTOU in the program. Returns false if not all
 * of it was written: regular files and pipes take what they have room for at once.
 */
bool io_write_quietly(int fd, const void *data, size_t len);

#endif
