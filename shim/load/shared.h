/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LOAD_SHARED_H
#define CATRUST_LOAD_SHARED_H

#include "openssl/binding.h"

/*
 * The files that this process has loaded, each decoded once. Without locks, so that a fork at any
 * point leaves the child with whole ones; their number is bounded.
 */

/*
 * Puts what the PEM file of a path has into the store, as OpenSSL's own load of it would: contents,
 * order and queue of errors. False if the real function is to be called, with nothing done.
 */
bool shared_load(struct crypto *crypto, X509_STORE *store, const char *path);

#endif
