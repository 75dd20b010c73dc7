/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_INPUT_H
#define CATRUST_INPUT_H

#include <stddef.h>
#include <stdint.h>

/* Reads all of len bytes of a file from at on. Returns 0, or -1: there are fewer, or errno tells.
 */
int input_at(int fd, uint64_t at, void *buf, size_t len);

/* The part of a path behind its last slash. */
const char *input_name(const char *path);

#endif
