/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_PUBLIC_H
#define CATRUST_PUBLIC_H

#include "openssl/binding.h"

/*
 * Does a store trust the public CAs? The content decides: the keys of well-known roots, in memory
 * or in one of its directories. lookup: a context over the store.
 */
bool public_bundle(const struct crypto *crypto, X509_STORE_CTX *lookup);

/* The same, but only by name, for certificates that are not in a copy of OpenSSL. */
enum { PUBLIC_ROOTS = 8 };
struct public_roots {
	bool root[PUBLIC_ROOTS]; /* which ones were seen */
};
void public_note(struct public_roots *seen, const unsigned char *der, size_t len);
bool public_roots_suffice(const struct public_roots *seen);

/* The same for the text of a PEM file. */
bool public_pem(const unsigned char *data, size_t len);

#endif
