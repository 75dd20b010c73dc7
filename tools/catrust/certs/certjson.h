/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CERTJSON_H
#define CATRUST_CERTJSON_H

#include "base/json.h"

#include <openssl/x509.h>

/* What every certificate in the JSON of catrust has, as members of the object that is open. */
void certjson_members(struct json *j, X509 *cert);

/* The fingerprint; null without a certificate. */
void certjson_sha256(struct json *j, const char *key, const X509 *cert);

#endif
