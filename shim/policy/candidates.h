/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CANDIDATES_H
#define CATRUST_CANDIDATES_H

#include "policy/trust.h"

/*
 * What a verification could build a chain of: the certificates that bear the name of an issuer of
 * the leaf, of that issuer's issuer, and so on to the top, as far as the server has sent them, an
 * anchor is one, or the program's store has one. These are the names that OpenSSL asks the store
 * for as well.
 */
enum { CANDIDATES_NAMES = 32, CANDIDATES_OWN = 64, CANDIDATES_ANCHORS = 32 };

struct candidates {
	struct crypto *crypto;
	X509_STORE_CTX *ctx;
	X509 *leaf;
	STACK_OF(X509) * sent;
	const X509_NAME *name[CANDIDATES_NAMES];
	size_t name_count;
	X509 *own[CANDIDATES_OWN]; /* of the program's store, each with a reference */
	size_t own_count;
	struct trust_anchor *anchor[CANDIDATES_ANCHORS]; /* in date, each with a reference */
	size_t anchor_count;
	bool too_many; /* some are missing here, so nothing can be said */
};

/*
 * Collects them for a verification that has not begun. trust: NULL has no anchor. false: no anchor
 * bears one of the names, or there are too many to say. In either case candidates_free() is owed.
 */
bool candidates_find(struct candidates *f, struct crypto *crypto, const struct trust *trust,
		     X509_STORE_CTX *ctx);
void candidates_free(struct candidates *f);

#endif
