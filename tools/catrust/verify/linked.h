/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LINKED_H
#define CATRUST_LINKED_H

#include "openssl/binding.h"

/* The OpenSSL that the tool is linked with, in the form that the library's own code uses. */
struct crypto *linked_crypto(void);

#endif
