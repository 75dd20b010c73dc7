/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_POLICY_H
#define CATRUST_POLICY_H

#include "trust.h"

/*
 * What the rules say of a chain that a verification has built, before its signatures are checked.
 * The chain is that of ctx, leaf first.
 */

struct finding {
	int error;		     /* X509_V_OK, or what the chain fails with */
	int depth;		     /* of the certificate that fails */
	struct trust_anchor *anchor; /* of ours, that alone makes the chain good; or NULL */
};

/*
 * is_client: a TLS client verifies a server. For nobody else, who may have got a client's store,
 * does an anchor count: OpenSSL does not look at the serverAuth mark for every purpose.
 */
struct finding policy_check(const struct crypto *crypto, const struct trust *trust,
			    X509_STORE_CTX *ctx, bool is_client);

/*
 * The corporate anchor that the chain stands on, or that the program's own certificate there is a
 * copy of, where that anchor counts in this store and for these names. NULL if there is none.
 */
struct trust_anchor *policy_anchor(struct crypto *crypto, const struct trust *trust,
				   X509_STORE_CTX *ctx);

#endif
