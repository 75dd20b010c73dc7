/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_OBJECT_H
#define CATRUST_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The objects that the dynamic linker has loaded. */

/* Where an object lies in memory. */
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
	struct module part[OBJECT_PARTS]; /* its constant parts: code, and read-only data */
	size_t part_count;
};

/* The object that an address lies in. */
bool object_at(const void *address, struct object *ret);

/* A handle on an object that is already loaded; NULL if it is not. Never loads anything. */
void *object_open(const struct object *object);

/*
 * The function that an object finds: its own, or that of its dependencies. NULL if there is none,
 * or if it is a hook of this library.
 */
void *object_symbol(const struct object *object, const char *name);

/* Does it lie in this library? */
bool object_is_own(const void *address);

#endif
