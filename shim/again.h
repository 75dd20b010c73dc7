/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_AGAIN_H
#define CATRUST_AGAIN_H

#include "binding.h"

/*
 * Verifies the leaf of ctx again, by the same parameters and CRLs, with a choice of the trusted
 * certificates: those of its store, directories included, for which may_vouch says yes. It is asked
 * after they were looked up. None of the program's callbacks is called, and ctx stays as it is.
 *
 * OpenSSL ends a chain at the first trust anchor that it finds, so an anchor that may not vouch for
 * a name can hide another that may.
 *
 * Returns what ended well, with the chain that was found, to be freed with again_free(); NULL where
 * nothing did.
 */
struct again;
struct again *again_verify(const struct crypto *crypto, X509_STORE_CTX *ctx,
			   bool (*may_vouch)(void *arg, X509 *cert), void *arg);
X509_STORE_CTX *again_result(const struct again *again);
void again_free(struct again *again);

/*
 * Before ctx is verified: leaves it no trusted certificates but those of the same choice, until
 * again_unlimit(). NULL where that can't be: then ctx stays as it is.
 */
struct again *again_limit(const struct crypto *crypto, X509_STORE_CTX *ctx,
			  bool (*may_vouch)(void *arg, X509 *cert), void *arg);
void again_unlimit(struct again *again, X509_STORE_CTX *ctx);

#endif
