/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SCOPE_H
#define CATRUST_SCOPE_H

#include "x509/names.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The names that an anchor may vouch for, given by the name of its directory. "corp.example" is
 * that domain and all names below it. "10.0.0.0_8" and "fd00__8" are ranges of addresses, with _
 * instead of / and of the colons that some file systems refuse.
 */
struct scope {
	bool is_address;
	char domain[254];		     /* lower case, no final dot */
	unsigned char address[16], mask[16]; /* of address_len bytes: 4 or 16 */
	size_t address_len;
};

/* Returns 0 and *ret, or -EINVAL if name is neither a domain nor a range. */
int scope_parse(const char *name, struct scope *ret);

bool scope_equal(const struct scope *a, const struct scope *b);

/*
 * Is the host that a name stands for in one of the scopes? false if the name is unreadable, or not
 * a host.
 */
bool scope_has(const struct scope *scopes, size_t count, const struct name *name);

/*
 * Are all names of a server in the scopes? Call scope_check_common() for each of its common names,
 * then scope_check_names() for the others, then scope_check_end(). A common name counts even if
 * there are other names, because some clients then use it: libpq for an address, Perl's
 * IO::Socket::SSL for any host. Instead of being in a scope, a common name may be the first label
 * of a DNS name: see names_is_first_label(). A certificate that has neither a DNS name, nor an
 * address, nor a common name of a host is in no scope: a client that does not check names would
 * accept it for any server.
 */
enum { SCOPE_WORDS = 4 };
struct scope_check {
	const struct scope *scopes; /* the caller sets this and count; everything else is 0 */
	size_t count;
	bool is_named;
	bool is_outside;
	struct name outside; /* the first one that is outside */
	/* Common names with which no DNS name has begun so far; "": none. */
	char word[SCOPE_WORDS][64];
};
void scope_check_common(struct scope_check *check, const unsigned char *text, size_t len);
void scope_check_names(struct scope_check *check, struct span names);
bool scope_check_end(struct scope_check *check);

/*
 * The same for a CA below the anchor, which is not a server: only its DNS names and addresses
 * count.
 */
bool scope_has_names_of_ca(const struct scope *scopes, size_t count, struct span names);

#endif
