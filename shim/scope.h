/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SCOPE_H
#define CATRUST_SCOPE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What an anchor may vouch for: the name of the directory that it lies in. "corp.example" is that
 * domain and all below it; "10.0.0.0_8" and "fd00__8" are ranges of addresses, with _ in place of /
 * and of the colons that some file systems refuse.
 */
struct scope {
	bool is_address;
	char domain[254];		     /* lower case, no final dot */
	unsigned char address[16], mask[16]; /* of address_len bytes: 4 or 16 */
	size_t address_len;
};

/* Returns 0 and *ret, or -EINVAL for what is neither. */
int scope_parse(const char *name, struct scope *ret);

bool scope_equal(const struct scope *a, const struct scope *b);

/*
 * What the common name of a server's certificate is to the scopes. It is compared as a whole, so
 * nothing is but a name of the domain itself: not one with a final dot, nor a wildcard. An address
 * as text counts as one.
 */
enum scope_cn {
	SCOPE_CN_NO_HOST, /* words, that no client takes for a host */
	SCOPE_CN_INSIDE,
	SCOPE_CN_OUTSIDE,
};
enum scope_cn scope_check_cn(const struct scope *scopes, size_t count, const char *cn);

/*
 * The DER of a NameConstraints extension (RFC 5280 4.2.1.10) that permits the scopes given, and of
 * the kind that none of them is of, nothing: an anchor for a domain does not vouch for addresses.
 * Returns its length, or 0 where it does not fit.
 */
size_t scope_constraints(const struct scope *const *scopes, size_t count, unsigned char *der,
			 size_t size);

#endif
