/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_JAVAOPTS_H
#define CATRUST_JAVAOPTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* JAVA_TOOL_OPTIONS: words between white space; quotes of both kinds, no escapes. */

/* Where an option stands among others, its quotes included. */
struct javaopts_place {
	size_t start, end;
};

/*
 * The value of the system property that options set last, or false where they don't, or where it is
 * too long for value.
 */
bool javaopts_find(const char *options, const char *property, char value[PATH_MAX],
		   struct javaopts_place *place);

/*
 * options, to be freed, with property set to value: in place of what is at place, or behind all if
 * that is NULL. NULL: out of memory.
 */
char *javaopts_set(const char *options, const char *property, const char *value,
		   const struct javaopts_place *place);

#endif
