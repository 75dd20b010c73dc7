/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_COVERED_H
#define CATRUST_COVERED_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum { COVERED_MAX = 64 };

/* The bundles of CAs on this machine, as the files that they really are, each once. */
struct covered {
	struct covered_file {
		char folder[PATH_MAX], name[NAME_MAX + 1];
	} file[COVERED_MAX];
	size_t count;
	bool is_full; /* there are more */
};

/*
 * Finds those of the system, and, with all, those that Pythons bring: of the environment that is
 * active (VIRTUAL_ENV, CONDA_PREFIX), of the one in which command lies (NULL: of none), and of the
 * system's. Sorted: a folder comes before those in it.
 */
void covered_find(struct covered *ret, bool all, const char *command);

#endif
