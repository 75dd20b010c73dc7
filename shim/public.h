/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_PUBLIC_H
#define CATRUST_PUBLIC_H

#include "binding.h"

/*
 * Does a store trust the public CAs? Told by content: by the keys of well-known roots, in memory or
 * in one of its directories. lookup: a context over the store.
 */
bool public_bundle(const struct crypto *crypto, X509_STORE_CTX *lookup);

/* Has the text of a PEM file the public CAs in it? Told by name only. */
bool public_pem(const unsigned char *data, size_t len);

#endif
