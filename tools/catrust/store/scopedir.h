/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SCOPEDIR_H
#define CATRUST_SCOPEDIR_H

#include "net/target.h"

#include <stdbool.h>

/* Long enough for a domain. */
enum { SCOPEDIR_NAME = TARGET_HOST };

/*
 * The name of the subdirectory whose certificates may vouch only for text: a domain and everything
 * below it, an address, or a range of addresses (10.0.0.0/8). Returns NULL and name, or the error
 * in text.
 */
const char *scopedir_parse(const char *text, char name[SCOPEDIR_NAME]);

/* The same for only one host. */
const char *scopedir_for_host(const struct target *host, char name[SCOPEDIR_NAME]);

/* Is host in the scope with the subdirectory name? */
bool scopedir_covers(const char *name, const struct target *host);

#endif
