/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LINKED_H
#define CATRUST_LINKED_H

#include "openssl/binding.h"

/* The OpenSSL that the tool is linked with, as the library's own code takes it. */
struct crypto *linked_crypto(void);

#endif
