/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_VERIFICATION_H
#define CATRUST_VERIFICATION_H

#include "policy/trust.h"

/*
 * Round X509_verify_cert(), which libssl calls for every chain: the only place that decides about
 * trust. For a TLS client that verifies a server, the anchors that its chain asks for are lent to
 * the verification, for as long as it takes (policy.h). No certificate of ours is ever put into a
 * store of the program's.
 */
struct verification {
	struct crypto *crypto;
	X509_STORE_CTX *ctx;
	struct ssl *ssl; /* NULL: not a TLS client that verifies a server */
	SSL *connection; /* of ssl */
	struct loan *loan;
};

/* Before the real call, and after it. ret: what it returned. */
struct verification verify_begin(struct crypto *crypto, X509_STORE_CTX *ctx);
void verify_end(struct verification *v, int ret);

#endif
