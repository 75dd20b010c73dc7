/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SYSTEM_H
#define CATRUST_SYSTEM_H

#include "base/reason.h"

#include <openssl/x509.h>

/* For the user, where system_public_cas() found none. */
extern const char system_no_public_cas[];

/*
 * The CAs that the whole world trusts: those of the file bundle, or, with bundle NULL, of this
 * system's distribution, without what was added on this machine. An empty stack where there are
 * none. NULL and *why on failure.
 */
STACK_OF(X509) * system_public_cas(const char *bundle, struct reason *why);

/* The file that programs of this system read the CAs from: the public ones and those added here.
 * NULL: there is none. */
const char *system_bundle(void);

/*
 * What programs on this machine trust without catrust: the system's bundle, and what was added to
 * it here. NULL: out of memory.
 */
STACK_OF(X509) * system_store(void);

/* The certificates of the file that SSL_CERT_FILE names: the user chose it. NULL: out of memory. */
STACK_OF(X509) * system_named_store(void);

#endif
