/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LENT_H
#define CATRUST_LENT_H

#include "verify/verify.h"

/*
 * Which certificates libcatrust.so would let speak for a chain: an anchor that is valid now, and of
 * several CAs of one name, those whose key verifies what is below them.
 */

/* Is it an anchor that would be lent to what was sent? */
bool lent_counts(X509 *anchor, const struct verify_anchors *anchors, const STACK_OF(X509) * sent);

/* Does an anchor that is lent stand in place of this one, which the program trusts itself? */
bool lent_replaces(X509 *own, const struct verify_anchors *anchors, const STACK_OF(X509) * sent);

/* Did ca's key sign one of certs? */
bool lent_signed(X509 *ca, const STACK_OF(X509) * certs);

bool lent_is_valid_now(const X509 *cert);

#endif
