/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SCOPES_H
#define CATRUST_SCOPES_H

#include "store/scopedir.h"
#include "store/trusted.h"

#include <stdbool.h>
#include <stddef.h>

enum { SCOPES_MAX = TRUSTDIR_MAX_SCOPES };

/* The scopes of one certificate; none: every name. */
struct scopes {
	struct scopes_item {
		char name[SCOPEDIR_NAME]; /* of the subdirectory */
		struct scope scope;	  /* what the name means */
	} item[SCOPES_MAX];
	size_t count;
};

/* Adds the scope of a subdirectory, unless it is already covered. Returns 0, or -1: full. */
int scopes_add(struct scopes *s, const char *name);

/* The scopes of cert in the trust directories; none if it is trusted for every name. */
void scopes_of(const struct trusted *trusted, const X509 *cert, struct scopes *ret);

/* Does one of these contain all of scope? */
bool scopes_cover(const struct scopes *s, const struct scope *scope);

bool scopes_cover_host(const struct scopes *s, const struct target *host);

/* For programs: corp.example, 10.0.0.0/8, 10.0.0.1/32. Returns buf. */
char *scopes_range(const struct scope *scope, char buf[SCOPEDIR_NAME]);

/* For people: the same, and 10.0.0.1. Returns buf. */
char *scopes_text(const struct scope *scope, char buf[SCOPEDIR_NAME]);

/* As many as fit, separated by commas. Returns buf. */
char *scopes_list(const struct scopes *s, char *buf, size_t size);

/* The same with the names of their subdirectories: corp.example/, 10.0.0.0_8/. */
char *scopes_folders(const struct scopes *s, char *buf, size_t size);

#endif
