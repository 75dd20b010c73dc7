/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LENT_H
#define CATRUST_LENT_H

#include "policy/trust.h"
#include "verify/verify.h"

/* The anchors of a verification, in the form in which libcatrust.so has those of its trust
 * directories. Returns NULL: out of memory; otherwise the caller frees it with trust_free(). */
struct trust *lent_trust(const struct verify_anchors *from);

/* Did ca's key sign one of certs? */
bool lent_signed(X509 *ca, const STACK_OF(X509) * certs);

bool lent_is_valid_now(const X509 *cert);

#endif
