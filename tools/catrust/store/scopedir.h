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

/*
 * What the user may have meant by text, which scopedir_parse() refuses: corp.example by
 * *.corp.example, and 10.0.0.0/8 by 10.0.0.1/8. Returns false if nothing is likely.
 */
bool scopedir_meant(const char *text, char meant[SCOPEDIR_NAME]);

/* The same as scopedir_parse() for only one host. */
const char *scopedir_for_host(const struct target *host, char name[SCOPEDIR_NAME]);

/* Is host in the scope with the subdirectory name? */
bool scopedir_covers(const char *name, const struct target *host);

#endif
