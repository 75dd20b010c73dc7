/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SCOPEDIR_H
#define CATRUST_SCOPEDIR_H

#include "net/target.h"

#include <stdbool.h>

/* Long enough for a domain. */
enum { SCOPEDIR_NAME = TARGET_HOST };

/*
 * The subdirectory of a trust directory whose certificates may vouch only for text: a domain and
 * what is below it, an address, or a range of addresses (10.0.0.0/8). NULL and name, or what is
 * wrong with text.
 */
const char *scopedir_parse(const char *text, char name[SCOPEDIR_NAME]);

/* The subdirectory for one host alone. The same. */
const char *scopedir_for_host(const struct target *host, char name[SCOPEDIR_NAME]);

/* Is host in the scope that name, of one of the above, stands for? */
bool scopedir_covers(const char *name, const struct target *host);

#endif
