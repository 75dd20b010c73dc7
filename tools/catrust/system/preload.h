/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_PRELOAD_H
#define CATRUST_PRELOAD_H

#include "base/reason.h"
#include "system/linkers.h"
#include "system/record.h"

#include <limits.h>
#include <stdbool.h>

/* The file that makes the dynamic linker load a library into every program (ld.so(8)). */
#define PRELOAD_PATH "/etc/ld.so.preload"

/* The entry for that file, and the files to which the entry leads. */
struct preload_plan {
	char library[PATH_MAX];
	char entry[PATH_MAX]; /* with $LIB, if there are linkers of several kinds */
	struct {
		const struct linker *blank_for; /* NULL: a link to the library */
		char path[PATH_MAX];
	} file[LINKERS_MAX];
	size_t count; /* of file: those that are still missing */
};

/* linkers must live as long as *ret. Returns 0 and *ret, or -1 and *why. */
int preload_plan(const char *library, const struct linkers *linkers, struct preload_plan *ret,
		 struct reason *why);

/* Creates the plan's files, after recording each. Returns 0, or -1 and *why. */
int preload_prepare(const struct preload_plan *plan, struct record *r, struct reason *why);

/* Are the entry's files safe for each linker (library.h)? Returns 0, or -1 and *why. */
int preload_check(const struct preload_plan *plan, const struct linkers *linkers,
		  struct reason *why);

/* The entry that names the library, even if the user wrote it: entry if it is there, otherwise any.
 * Returns whether there is one, or -1 and *why. */
int preload_look(const char *entry, char ret[PATH_MAX], struct reason *why);

/*
 * Appends the entry unless it is there, after recording it; removes it. Return 0, or -1 and *why.
 */
int preload_add(const char *entry, struct record *r, struct reason *why);
int preload_remove(const char *entry, struct reason *why);

#endif
