/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_UNSERVED_H
#define CATRUST_UNSERVED_H

#include "openssl/binding.h"

/*
 * Call this when a copy that is passed through has refused a certificate. If a trust directory has
 * anchors, it logs at error level, once for each such copy, that the trust directories were not
 * used.
 */
void unserved_tell(struct crypto *crypto);

#endif
