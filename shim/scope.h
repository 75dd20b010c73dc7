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
 * Does one of the scopes name a host without a dot, or an address as text, that OpenSSL's matcher
 * does not take from a CN as what it is? Any other name, and one with a NUL in it: false.
 */
bool scope_has_host(const struct scope *scopes, size_t count, const char *host);
bool scope_has_address(const struct scope *scopes, size_t count, const char *address);
bool scope_is_address(const char *name);

/*
 * The DER of a NameConstraints extension (RFC 5280 4.2.1.10) that permits the scopes given, and of
 * the kind that none of them is of, nothing: an anchor for a domain does not vouch for addresses.
 * Returns its length, or 0 where it does not fit.
 */
size_t scope_constraints(const struct scope *const *scopes, size_t count, unsigned char *der,
			 size_t size);

#endif
