/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_STOREFILE_H
#define CATRUST_STOREFILE_H

#include "base/reason.h"

#include <limits.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

/* Reads Java trust stores: JKS, or PKCS#12. */

/*
 * The certificates in path that the JVM would trust: entries without a private key; in PKCS#12,
 * those marked as trusted. password may be NULL: the usual one is tried. NULL and *why on failure,
 * or if there is no such certificate.
 */
STACK_OF(X509) * storefile_read(const char *path, const char *password, struct reason *why);

/* The same from memory. */
STACK_OF(X509) * storefile_parse(const unsigned char *data, size_t len, const char *password,
				 struct reason *why);

/* The default trust store of the JVM in JAVA_HOME, or else of the java in PATH. Returns whether
 * there is one. */
bool storefile_default(char path[PATH_MAX]);

#endif
