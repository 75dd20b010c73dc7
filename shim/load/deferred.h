/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_DEFERRED_H
#define CATRUST_DEFERRED_H

#include "load/decoded.h"

/*
 * Loads that decode nothing until a chain needs it. This is done only for the store of an SSL_CTX
 * for clients that is still empty, and only while the program does not have the store. Until then
 * the program sees only what a verification finds, and OpenSSL asks for that by name. Before the
 * program gets the store, and before any other load into it, everything is added as OpenSSL would
 * have done.
 *
 * For other stores, and for NULL, the functions do nothing.
 */

/* Begins with a store that SSL_CTX_new() made for clients, and that only libssl has. */
void deferred_begin(struct crypto *crypto, X509_STORE *store);

/* From now on, loads into the store are no longer deferred. */
void deferred_stop(struct crypto *crypto, X509_STORE *store);

/* The same, and adds what was deferred to the store. */
void deferred_end(struct crypto *crypto, X509_STORE *store);

/* Defers the load of a file; false: impossible, and nothing was done. */
bool deferred_put(struct crypto *crypto, X509_STORE *store, struct decoded *file);

/* Loads a file again whose load was deferred before. False: it was not deferred, or was loaded too
 * often. */
bool deferred_again(struct crypto *crypto, X509_STORE *store, const struct decoded *file);

#endif
