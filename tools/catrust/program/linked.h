/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LINKED_H
#define CATRUST_LINKED_H

#include <limits.h>
#include <stddef.h>

/* The libraries that the dynamic linker loads with a program, according to the linker itself; the
 * program is not run. */

enum { LINKED_MAX = 400, LINKED_NAME = 256 };

struct linked {
	char *path[LINKED_MAX];
	size_t count;
	/* A library that the program needs and that is missing; "": none is known. */
	char missing[LINKED_NAME];
};

/*
 * preload: the value of LD_PRELOAD. Returns 0 and *ret, to be freed with linked_clear(), or -1 if
 * the program names no dynamic linker that can be asked, or can't be started: then *ret names the
 * missing library, if it is known.
 */
int linked_read(const char *program, const char *preload, struct linked *ret);

void linked_clear(struct linked *l);

#endif
