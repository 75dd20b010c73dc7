/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_PIN_H
#define CATRUST_PIN_H

#include "scopedir.h"

#include <openssl/x509.h>
#include <stddef.h>

enum { PIN_NAMES_MAX = 64, PIN_SCOPES_MAX = PIN_NAMES_MAX };

/*
 * The names and addresses that a server's certificate is for, in its order; of its subject, if it
 * has no others. Returns how many.
 */
size_t pin_names(X509 *cert, char name[PIN_NAMES_MAX][TARGET_HOST]);

/*
 * The scopes of all names that a server's own certificate is for: an anchor with a scope vouches
 * for no certificate that has a name out of it, itself included. Names that can be none are left
 * out. Returns how many.
 */
size_t pin_scopes(X509 *cert, char scope[PIN_SCOPES_MAX][SCOPEDIR_NAME]);

#endif
