/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SYSTEM_H
#define CATRUST_SYSTEM_H

#include "base/reason.h"

#include <openssl/x509.h>

/* For the user, if system_public_cas() found none. */
extern const char system_no_public_cas[];

/*
 * The CAs that the whole world trusts: those of the file bundle, or, if bundle is NULL, of this
 * system's distribution, without this machine's own. An empty stack if there are none. NULL and
 * *why on failure.
 */
STACK_OF(X509) * system_public_cas(const char *bundle, struct reason *why);

/* The file from which this system's programs read the CAs: the public ones and this machine's own.
 * NULL: there is none. */
const char *system_bundle(void);

/* What programs on this machine trust without catrust: the system's bundle, and this machine's own
 * CAs. NULL: out of memory. */
STACK_OF(X509) * system_store(void);

/* The certificates of the file in SSL_CERT_FILE, which the user chose. NULL: out of memory. */
STACK_OF(X509) * system_named_store(void);

#endif
