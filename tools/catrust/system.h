/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SYSTEM_H
#define CATRUST_SYSTEM_H

#include "why.h"

#include <openssl/x509.h>

/*
 * The CAs that the whole world trusts: those of the file bundle, or, with bundle NULL, of this
 * system's distribution, without what was added on this machine. An empty stack where there are
 * none. NULL and *why on failure.
 */
STACK_OF(X509) * system_public_cas(const char *bundle, struct why *why);

/* The file that programs of this system read the CAs from: the public ones and those added here.
 * NULL: there is none. */
const char *system_bundle(void);

/*
 * What programs on this machine trust without catrust: the system's bundle, what was added to it
 * here, and SSL_CERT_FILE. NULL: out of memory.
 */
STACK_OF(X509) * system_store(void);

#endif
