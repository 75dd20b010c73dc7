/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_COVERED_H
#define CATRUST_COVERED_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum { COVERED_MAX = 64 };

/* The CA bundles of this machine, with links resolved, each once. */
struct covered {
	struct covered_file {
		char folder[PATH_MAX], name[NAME_MAX + 1];
	} file[COVERED_MAX];
	size_t count;
	bool is_full; /* there are more */
};

/*
 * Finds the system's bundles, and, with all, those of Pythons: of the active environment
 * (VIRTUAL_ENV, CONDA_PREFIX), of the one that contains command (NULL: none), and of the system.
 * Sorted: a folder comes before those inside it.
 */
void covered_find(struct covered *ret, bool all, const char *command);

#endif
