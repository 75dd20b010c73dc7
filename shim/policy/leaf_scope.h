/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LEAF_SCOPE_H
#define CATRUST_LEAF_SCOPE_H

#include "policy/trust.h"

/*
 * The depth of the first certificate below the anchor (or of the anchor itself, if it is the leaf)
 * that has a name outside the anchor's scope; -1 if there is none. As in RFC 5280 6.1.3, every name
 * counts, and self-issued certificates are skipped unless they are the leaf. The chain is that of
 * ctx; depth is the anchor's.
 */
int leaf_scope_break(const struct crypto *crypto, X509_STORE_CTX *ctx, int depth,
		     const struct trust_anchor *anchor);

/*
 * Are all names of a server's certificate in the scope of the anchor? Also true if the anchor has
 * no scope. If not, and ret_outside is not NULL, it gets the first name outside. If the certificate
 * names no server, or its names can't be read, that name's texts are empty. The texts point into
 * the leaf.
 */
bool leaf_scope_holds(const struct crypto *crypto, const X509 *leaf,
		      const struct trust_anchor *anchor, struct name *ret_outside);

#endif
