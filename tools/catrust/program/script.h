/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SCRIPT_H
#define CATRUST_SCRIPT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* What a script is run by: the first line of a file, as the kernel and env(1) take it. */

enum script_kind {
	SCRIPT_NONE,	/* no script */
	SCRIPT_PROGRAM, /* name is its path */
	SCRIPT_ON_PATH, /* env looks for name in PATH */
	SCRIPT_CLEARED, /* the same, but env -i takes all variables away before */
	SCRIPT_BROKEN,
};

/* bytes: the first len of a file. name is set where there is one. */
enum script_kind script_of(const char *bytes, size_t len, char name[PATH_MAX]);

/*
 * The executable file that name stands for, looked for in path (PATH) unless it has a slash.
 * Returns false if there is none.
 */
bool script_find(const char *name, const char *path, char ret[PATH_MAX]);

#endif
