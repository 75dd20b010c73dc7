/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LEAF_SCOPE_H
#define CATRUST_LEAF_SCOPE_H

#include "policy/trust.h"

/*
 * The depth of the first certificate below the anchor, or the anchor itself if it is the leaf, that
 * names something out of its scope; -1 if there is none. As RFC 5280 6.1.3 has it: every name
 * counts, and self-issued certificates are passed over unless they are the leaf. The chain is that
 * of ctx; depth is the anchor's.
 */
int leaf_scope_break(const struct crypto *crypto, X509_STORE_CTX *ctx, int depth,
		     const struct trust_anchor *anchor);

/*
 * Are all names of a server's certificate in the scope of the anchor, or has it none? If not, and
 * ret_outside is not NULL: the first one outside; its text and what is unreadable of it are empty
 * if the certificate names no server, or its names can't be read. Those point into the leaf.
 */
bool leaf_scope_holds(const struct crypto *crypto, const X509 *leaf,
		      const struct trust_anchor *anchor, struct name *ret_outside);

#endif
