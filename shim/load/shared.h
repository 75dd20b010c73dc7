/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LOAD_SHARED_H
#define CATRUST_LOAD_SHARED_H

#include "openssl/binding.h"

/* The files that this process has loaded, each decoded once. There are no locks, so that a fork at
 * any point leaves the child with intact ones; their number is limited. */

/* Puts the contents of the PEM file path into the store, with the same contents, order and error
 * queue as OpenSSL's own load. False: nothing was done, and the real function must be called. */
bool shared_load(struct crypto *crypto, X509_STORE *store, const char *path);

#endif
