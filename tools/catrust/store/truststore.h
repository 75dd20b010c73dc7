/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TRUSTSTORE_H
#define CATRUST_TRUSTSTORE_H

#include "base/reason.h"

#include <openssl/bio.h>
#include <openssl/x509.h>

/* Java trust stores. */

/* PKCS#12, readable with and without the password: certificates are no secret. Equal certificates
 * and passwords give equal bytes. Returns 0, or -1: out of memory. */
int truststore_pkcs12(const STACK_OF(X509) * certs, const char *password, BIO *to);

/* JKS, written by the Java runtime's keytool. Returns 0, or -1 and *why. */
int truststore_jks(const STACK_OF(X509) * certs, const char *password, BIO *to, struct reason *why);

#endif
