/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_DEFERRED_H
#define CATRUST_DEFERRED_H

#include "load/decoded.h"

/*
 * Loads of which nothing is decoded until a chain asks for it. Only into the store of an SSL_CTX
 * for clients that has nothing else yet, and only as long as the program has not got hold of the
 * store: until then it can see nothing of it but what a verification finds, and OpenSSL asks for
 * that by name. Before the program gets the store, and before any other load into it, all is put
 * there as OpenSSL would have done it.
 *
 * No store of another kind is concerned: for these, and for NULL, the functions do nothing.
 */

/* A store that was made by SSL_CTX_new() for clients, and that only libssl knows. */
void deferred_begin(struct crypto *crypto, X509_STORE *store);

/* From now on, loads into the store are no longer deferred. */
void deferred_stop(struct crypto *crypto, X509_STORE *store);

/* The same, and what was deferred is there afterwards. */
void deferred_end(struct crypto *crypto, X509_STORE *store);

/* Defers the load of a file; false: it can't be, and nothing was done. */
bool deferred_put(struct crypto *crypto, X509_STORE *store, struct decoded *file);

/* Does nothing for a file whose load was deferred before; false: it was not. */
bool deferred_again(struct crypto *crypto, X509_STORE *store, const struct decoded *file);

#endif
