/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LINKED_H
#define CATRUST_LINKED_H

#include <limits.h>
#include <stddef.h>

/* The libraries that the dynamic linker loads with a program, told by itself, without a run. */

enum { LINKED_MAX = 400, LINKED_NAME = 256 };

struct linked {
	char *path[LINKED_MAX];
	size_t count;
	/* One that the program needs and that is not there; "": none is known. */
	char missing[LINKED_NAME];
};

/*
 * preload: what LD_PRELOAD shall hold. Returns 0 and *ret, to be freed with linked_clear(), or -1
 * where the program names no dynamic linker that can be asked, or can't be started: then *ret says
 * what is missing, if that is known.
 */
int linked_read(const char *program, const char *preload, struct linked *ret);

void linked_clear(struct linked *l);

#endif
