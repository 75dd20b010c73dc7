/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LEAF_NAMES_H
#define CATRUST_LEAF_NAMES_H

#include "base/reason.h"
#include "store/scopes.h"

#include <openssl/x509.h>
#include <stdbool.h>

/* Can it be an anchor for other certificates than itself? */
bool leaf_may_sign(X509 *cert);

enum leaf_scopes_result {
	LEAF_SCOPES_OK,
	LEAF_SCOPES_TOO_WIDE,	/* one of its names would give the anchor power over much more than
				   the server that the user named: the user can request that by
				   --scope */
	LEAF_SCOPES_IMPOSSIBLE, /* one of its names can't be a scope, or there are too many; no
				   memory */
};

/*
 * libcatrust.so accepts a server only if all names of its certificate, leaf, are in the anchor's
 * scopes. Adds the missing scopes to *scopes. may_sign: the anchor may vouch for everything below a
 * scope. If the result is LEAF_SCOPES_OK, sets *why to a list of the names that needed a scope of
 * their own ("b.example, 10.0.0.1 (common name)"), or to ""; otherwise to the reason.
 */
enum leaf_scopes_result leaf_scopes(X509 *leaf, const struct target *host, bool may_sign,
				    struct scopes *scopes, struct reason *why);

#endif
