/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SCRIPT_H
#define CATRUST_SCRIPT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* The interpreter of a script: reads the first line of a file like the kernel and env(1). */

enum script_kind {
	SCRIPT_NONE,	/* not a script */
	SCRIPT_PROGRAM, /* name is its path */
	SCRIPT_ON_PATH, /* env looks for name in PATH */
	SCRIPT_CLEARED, /* the same, but env -i removes all variables first */
	SCRIPT_BROKEN,
};

/* bytes: the first len of a file. Sets name if there is one. */
enum script_kind script_of(const char *bytes, size_t len, char name[PATH_MAX]);

/* Finds the executable file name, in path (PATH) unless name has a slash. Returns false if there is
 * none. */
bool script_find(const char *name, const char *path, char ret[PATH_MAX]);

#endif
