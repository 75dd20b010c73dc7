/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CERTSHOW_H
#define CATRUST_CERTSHOW_H

#include "base/show.h"

#include <openssl/x509.h>
#include <stdio.h>

/* Certificates and parts of them, for people. */

/* CN=..., O=..., the most specific part first. Returns buf. */
char *certshow_name(const X509_NAME *name, char buf[SHOW_MAX]);

/* 2031-12-31 */
char *certshow_date(const ASN1_TIME *t, char buf[SHOW_MAX]);

/* RSA 2048 bits, EC P-256 */
char *certshow_key(const X509 *cert, char buf[SHOW_MAX]);

/* Subject and SHA-256. */
void certshow_identity(FILE *to, const X509 *cert, const char *indent);

/* Subject, issuer, validity, key and SHA-256 on lines of their own. */
void certshow_certificate(FILE *to, const X509 *cert, const char *indent);

#endif
