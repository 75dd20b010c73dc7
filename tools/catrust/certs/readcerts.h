/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_READCERTS_H
#define CATRUST_READCERTS_H

#include "base/reason.h"

#include <openssl/x509.h>
#include <stddef.h>

/* What is in a file of certificates: PEM, DER or PKCS#7, told by content. */
struct readcerts {
	STACK_OF(X509) * certs;
	size_t found;	       /* certificates, those included that OpenSSL does not understand */
	size_t problems;       /* other than certificates and comments */
	struct reason problem; /* the first */
};

/* "-" is standard input. Returns 0 and *ret, to be freed with readcerts_clear(), or -1 and *why. */
int readcerts_file(const char *path, struct readcerts *ret, struct reason *why);

/* The same, and forms that OpenSSL does not read: of what is given to be saved, not to be used. */
int readcerts_any(const char *path, struct readcerts *ret, struct reason *why);

void readcerts_clear(struct readcerts *r);

/* The certificate that der holds, or NULL. */
X509 *readcerts_der(const unsigned char *der, size_t len);

#endif
