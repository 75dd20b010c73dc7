/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_JAVAOPTS_H
#define CATRUST_JAVAOPTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The JVM's options in variables: words separated by white space; both kinds of quotes, no escapes.
 */

/* The variables in the JVM's order; later ones override. Only the command java reads the second
 * one, before its arguments. */
enum { JAVAOPTS_VARIABLES = 3 };
extern const char *const javaopts_variable[JAVAOPTS_VARIABLES];

#define JAVAOPTS_STORE "javax.net.ssl.trustStore"
#define JAVAOPTS_PASSWORD JAVAOPTS_STORE "Password"
#define JAVAOPTS_TYPE JAVAOPTS_STORE "Type"

/* The place of an option among others, including its quotes. */
struct javaopts_place {
	size_t start, end;
};

/* The last value that options set for the system property, or false if they set none, or if it is
 * too long for value. */
bool javaopts_find(const char *options, const char *property, char value[PATH_MAX],
		   struct javaopts_place *place);

/* The variable of this environment that sets the property, and its value; or NULL. */
const char *javaopts_effective(const char *property, char value[PATH_MAX]);

/* Returns options with property set to value, to be freed: replaces what is at place, or appends if
 * place is NULL. NULL: out of memory. */
char *javaopts_set(const char *options, const char *property, const char *value,
		   const struct javaopts_place *place);

#endif
