/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CANDIDATES_H
#define CATRUST_CANDIDATES_H

#include "policy/trust.h"

/*
 * The certificates from which a verification could build a chain. These are the certificates with
 * the name of the leaf's issuer, of that issuer's issuer, and so on to the top, as far as the
 * server has sent them, an anchor has the name, or the program's store has one. OpenSSL asks the
 * store for the same names.
 */
enum { CANDIDATES_NAMES = 32, CANDIDATES_OWN = 64, CANDIDATES_ANCHORS = 32 };

struct candidates {
	struct crypto *crypto;
	X509_STORE_CTX *ctx;
	X509 *leaf;
	STACK_OF(X509) * sent;
	const X509_NAME *name[CANDIDATES_NAMES];
	size_t name_count;
	X509 *own[CANDIDATES_OWN]; /* from the program's store, each with a reference */
	size_t own_count;
	struct trust_anchor *anchor[CANDIDATES_ANCHORS]; /* valid now, each with a reference */
	size_t anchor_count;
	bool too_many; /* some are missing here, so no decision is possible */
};

/*
 * Collects them for a verification that has not begun. trust: NULL means no anchors. Returns false
 * if no anchor has one of the names, or if there are too many certificates. Call candidates_free()
 * in either case.
 */
bool candidates_find(struct candidates *f, struct crypto *crypto, const struct trust *trust,
		     X509_STORE_CTX *ctx);
void candidates_free(struct candidates *f);

#endif
