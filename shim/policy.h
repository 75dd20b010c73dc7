/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_POLICY_H
#define CATRUST_POLICY_H

#include "trust.h"

/*
 * What the rules say of a chain that a verification has built, before its signatures are checked.
 * The chain is that of ctx, leaf first.
 */

/*
 * X509_V_OK, or the error that the chain fails with; then also the depth of the certificate.
 * is_client: a TLS client verifies a server. For nobody else, who may have got a client's store,
 * does an anchor count: OpenSSL does not look at the serverAuth mark for every purpose.
 */
int policy_check(const struct crypto *crypto, const struct trust *trust, X509_STORE_CTX *ctx,
		 bool is_client, int *ret_depth);

/*
 * The corporate anchor that the chain ends at, or that the program's own certificate at its end is
 * a copy of, where that anchor counts in this store and for these names. NULL if there is none.
 */
struct trust_anchor *policy_anchor(struct crypto *crypto, const struct trust *trust,
				   X509_STORE_CTX *ctx);

#endif
