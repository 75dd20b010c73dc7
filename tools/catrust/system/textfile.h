/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TEXTFILE_H
#define CATRUST_TEXTFILE_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>

/* A file of the system's that others write to as well: what is added can be taken out byte for
 * byte. */
struct textfile {
	char *text; /* with a NUL behind it; NULL: there is no such file */
	size_t len;
};

/* At most 1 MiB. Returns 0 and *ret, to be freed with textfile_clear(); or -1 and *why. */
int textfile_read(const char *path, struct textfile *ret, struct reason *why);

void textfile_clear(struct textfile *f);

/*
 * Adds lines, of which the last one ends. A file whose last line has no end gets it in front of
 * them, and theirs is left out: so textfile_cut() knows. Returns 0, or -1: out of memory.
 */
int textfile_append(struct textfile *f, const char *lines);

/* Takes lines out that textfile_append() has added: where they stand, and how long they are with
 * the end of the last one, if it has one. */
void textfile_cut(struct textfile *f, size_t at, size_t len);

/* The start of a line that is text, without its end. Returns whether there is one. */
bool textfile_find(const struct textfile *f, const char *line, size_t *at);

#endif
