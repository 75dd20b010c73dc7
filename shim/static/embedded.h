/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_EMBEDDED_H
#define CATRUST_EMBEDDED_H

#include "openssl/object.h"

/*
 * Is an OpenSSL, BoringSSL, AWS-LC or LibreSSL linked statically into the object, so that no hook
 * sees its functions? The answer is remembered; the first look at an object reads all its
 * constants.
 */
bool embedded_has_openssl(const struct object *object);

/*
 * Is path (this very pointer) the file that such an OpenSSL uses by default? It passes a constant
 * of its own, OPENSSLDIR "/cert.pem", and has OPENSSLDIR "/certs" beside it. The answer is
 * remembered, too.
 */
bool embedded_is_default_file(const struct object *object, const char *path);

#endif
