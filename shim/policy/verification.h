/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_VERIFICATION_H
#define CATRUST_VERIFICATION_H

#include "policy/trust.h"

/*
 * Around X509_verify_cert(), which libssl calls for every chain: the only place that decides about
 * trust. If a TLS client verifies a server, the anchors that its chain needs are lent to the
 * verification, as long as it runs (policy.h). No anchor is ever put into one of the program's
 * stores.
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
