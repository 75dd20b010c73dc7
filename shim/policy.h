/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_POLICY_H
#define CATRUST_POLICY_H

#include "again.h"
#include "trust.h"

/*
 * What the rules say of a chain that a verification has built, before its signatures are checked.
 * The chain is that of ctx, leaf first.
 */

struct finding {
	int error;		     /* X509_V_OK, or what the chain fails with */
	int depth;		     /* of the certificate that fails */
	struct trust_anchor *anchor; /* of ours, that the chain rightly stands on; or NULL */
};

/*
 * is_client: a TLS client verifies a server. For nobody else, who may have got a client's store,
 * does an anchor count: OpenSSL does not look at the serverAuth mark for every purpose.
 */
struct finding policy_check(const struct crypto *crypto, X509_STORE_CTX *ctx, bool is_client);

/*
 * The corporate anchor that the chain stands on, or that the program's own certificate there is a
 * copy of, where that anchor counts in this store and for these names. NULL if there is none.
 */
struct trust_anchor *policy_anchor(struct crypto *crypto, X509_STORE_CTX *ctx);

/*
 * Where a chain on an anchor of ours fails, for whatever reason: another way for the same leaf, by
 * what the program itself trusts, or another anchor. Nobody is to lose what worked without the
 * shim, nor by one anchor what another vouches for. NULL: there is none; otherwise to be freed with
 * again_free().
 */
struct again *policy_other_way(struct crypto *crypto, X509_STORE_CTX *ctx, bool is_client);

/*
 * May an error come of the way that a chain takes, by its form, its signatures or what its CAs may
 * do? Only then does another way make up for it. Whom the leaf is for, whether it was revoked, what
 * DANE says and whatever else a program may have checked is the same on each.
 */
bool policy_is_of_the_way(int error);

/* What a chain that failed would still fail with under CATRUST_STRICT=relax; or X509_V_OK. */
int policy_relaxed(struct crypto *crypto, X509_STORE_CTX *ctx);

#endif
