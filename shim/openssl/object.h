/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_OBJECT_H
#define CATRUST_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The objects that the dynamic linker has loaded. */

/* Where one lies. */
struct module {
	uintptr_t start, end;
};

static inline bool module_has(struct module m, const void *address)
{
	return (uintptr_t)address >= m.start && (uintptr_t)address < m.end;
}

enum { OBJECT_PARTS = 8 };

struct object {
	struct module module;
	const char *path; /* the dynamic linker's own string */
	bool is_main;
	struct module part[OBJECT_PARTS]; /* what is constant in it: code, and data to be read */
	size_t part_count;
};

/* The object that an address lies in. */
bool object_at(const void *address, struct object *ret);

/* A handle on an object that is loaded already, and on no other; NULL if there is none. */
void *object_open(const struct object *object);

/* Does it lie in this library? */
bool object_is_own(const void *address);

#endif
