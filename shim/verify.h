/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_VERIFY_H
#define CATRUST_VERIFY_H

#include "again.h"
#include "trust.h"

/*
 * The point of policy: round X509_verify_cert(), which libssl calls for every chain.
 *
 * Before: a TLS client's store gets the anchors. A server's gets none, nor does that of whoever
 * verifies outside of TLS (S/MIME, code signing). During: the scope of the anchor that the chain
 * stands on, another way where it does not do, and CATRUST_STRICT=relax. After: what
 * CATRUST_LOG=info tells.
 */
struct verification {
	struct crypto *crypto;
	X509_STORE_CTX *ctx;
	struct ssl *ssl;		 /* NULL outside of TLS */
	SSL *connection;		 /* of ssl */
	X509_STORE_CTX_verify_fn verify; /* what was there before, where they are wrapped */
	X509_STORE_CTX_verify_cb callback;
	int error;		     /* as the program knows it */
	int strict_error;	     /* that CATRUST_STRICT=relax would have forgiven, or 0 */
	struct trust_anchor *anchor; /* of ours, that alone made the chain good; or NULL */
	bool is_client;
	bool sought;	     /* for another way than the chain that was built */
	struct again *way;   /* which is good; or NULL */
	struct again *limit; /* for whoever is no client */
	struct verification *outer;
};

/* false: only the real call. There is no context, or it is being verified: it is called again, by a
 * callback. */
bool verify_is_wanted(const struct crypto *crypto, const X509_STORE_CTX *ctx);

/* NULL: out of memory; the verification must fail. */
struct verification *verify_begin(struct crypto *crypto, X509_STORE_CTX *ctx);
void verify_end(struct verification *v, int ret);

#endif
