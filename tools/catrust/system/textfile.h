/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TEXTFILE_H
#define CATRUST_TEXTFILE_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>

/* A system file that others also write to: additions can be removed byte for byte. */
struct textfile {
	char *text; /* followed by a NUL; NULL: there is no such file */
	size_t len;
};

/* Reads at most 1 MiB. Returns 0 and *ret, to be freed with textfile_clear(); or -1 and *why. */
int textfile_read(const char *path, struct textfile *ret, struct reason *why);

void textfile_clear(struct textfile *f);

/*
 * Adds lines; the last one must end in a newline. If the file's last line has no newline, puts one
 * before lines and drops their last one, which textfile_cut() recognizes. Returns 0, or -1: out of
 * memory.
 */
int textfile_append(struct textfile *f, const char *lines);

/* Removes lines that textfile_append() added: their place, and their length including the last
 * newline, if it has one. */
void textfile_cut(struct textfile *f, size_t at, size_t len);

/* Finds a line equal to line, which has no newline. Returns whether there is one, and its start. */
bool textfile_find(const struct textfile *f, const char *line, size_t *at);

#endif
