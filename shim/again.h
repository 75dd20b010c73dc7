/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_AGAIN_H
#define CATRUST_AGAIN_H

#include "binding.h"

/* What is another way for the leaf of a verification. */
struct again_rules {
	/* Of the certificates in the store: asked after they were looked up. */
	bool (*may_vouch)(void *arg, X509 *cert);
	/* Does an error that was found on this way count for nothing? NULL: never. */
	bool (*forgives)(void *arg, X509_STORE_CTX *way);
	void *arg;
};

/*
 * Verifies the leaf of ctx again, by the same parameters and CRLs, with a choice of the trusted
 * certificates of its store, directories included. None of the program's callbacks is called, and
 * ctx stays as it is.
 *
 * OpenSSL ends a chain at the first trust anchor that it finds, so an anchor that may not vouch for
 * a name can hide another that may.
 *
 * To be freed with again_free(). NULL: it could not be tried.
 */
struct again;
struct again *again_verify(const struct crypto *crypto, X509_STORE_CTX *ctx,
			   const struct again_rules *rules);
int again_error(const struct again *again); /* X509_V_OK: it ended well */
X509_STORE_CTX *again_result(const struct again *again);
void again_free(struct again *again);

/*
 * Before ctx is verified: leaves it no trusted certificates but those of the same choice, until
 * again_unlimit(). NULL where that can't be: then ctx stays as it is.
 */
struct again *again_limit(const struct crypto *crypto, X509_STORE_CTX *ctx,
			  const struct again_rules *rules);
void again_unlimit(struct again *again, X509_STORE_CTX *ctx);

#endif
