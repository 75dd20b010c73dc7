/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_OUTPUT_H
#define CATRUST_OUTPUT_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>

/* Returns 0 or a negative errno. */
int output_all(int fd, const void *data, size_t len);

/*
 * Replaces the file path with data, whole or not at all; writes to a device or a pipe. binary: not
 * to a terminal. Returns 0, or -1 and *why.
 */
int output_file(const char *path, const void *data, size_t len, bool binary, struct reason *why);

#endif
