/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_PRELOAD_H
#define CATRUST_PRELOAD_H

#include "base/reason.h"
#include "system/linkers.h"
#include "system/record.h"

#include <limits.h>
#include <stdbool.h>

/* The file by which the dynamic linker loads a library into every program (ld.so(8)). */
#define PRELOAD_PATH "/etc/ld.so.preload"

/* What is to be written there, and what must lie where that leads to. */
struct preload_plan {
	char library[PATH_MAX];
	char entry[PATH_MAX]; /* with $LIB, where there are linkers of several kinds */
	struct {
		const struct linker *blank_for; /* NULL: a link to the library */
		char path[PATH_MAX];
	} file[LINKERS_MAX];
	size_t count; /* of file: those that are not there yet */
};

/* linkers must live as long. Returns 0 and *ret, or -1 and *why. */
int preload_plan(const char *library, const struct linkers *linkers, struct preload_plan *ret,
		 struct reason *why);

/* Makes the files of plan, each recorded first. Returns 0, or -1 and *why. */
int preload_prepare(const struct preload_plan *plan, struct record *r, struct reason *why);

/* Is what the entry leads to safe, for each linker (library.h)? Returns 0, or -1 and *why. */
int preload_check(const struct preload_plan *plan, const struct linkers *linkers,
		  struct reason *why);

/*
 * The entry that names the library, also one that the user wrote: entry if that is there, or else
 * any of it. Returns whether there is one, or -1 and *why.
 */
int preload_look(const char *entry, char ret[PATH_MAX], struct reason *why);

/* Adds the entry behind what is there, once, recorded first; takes it out. Return 0, or -1 and
 * *why. */
int preload_add(const char *entry, struct record *r, struct reason *why);
int preload_remove(const char *entry, struct reason *why);

#endif
