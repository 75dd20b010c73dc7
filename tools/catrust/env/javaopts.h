/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_JAVAOPTS_H
#define CATRUST_JAVAOPTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* The JVM's options in variables: words between white space; quotes of both kinds, no escapes. */

/* The variables, in the order that the JVM reads them in: what comes later counts. The second one
 * is read by the command java alone, ahead of its arguments. */
enum { JAVAOPTS_VARIABLES = 3 };
extern const char *const javaopts_variable[JAVAOPTS_VARIABLES];

#define JAVAOPTS_STORE "javax.net.ssl.trustStore"
#define JAVAOPTS_PASSWORD JAVAOPTS_STORE "Password"
#define JAVAOPTS_TYPE JAVAOPTS_STORE "Type"

/* Where an option stands among others, its quotes included. */
struct javaopts_place {
	size_t start, end;
};

/*
 * The value of the system property that options set last, or false if they don't, or if it is
 * too long for value.
 */
bool javaopts_find(const char *options, const char *property, char value[PATH_MAX],
		   struct javaopts_place *place);

/* The variable of this environment that counts for the property, and its value; or NULL. */
const char *javaopts_effective(const char *property, char value[PATH_MAX]);

/*
 * options, to be freed, with property set to value: in place of what is at place, or behind all if
 * that is NULL. NULL: out of memory.
 */
char *javaopts_set(const char *options, const char *property, const char *value,
		   const struct javaopts_place *place);

#endif
