/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_UNSERVED_H
#define CATRUST_UNSERVED_H

#include "openssl/binding.h"

/*
 * To be called when a copy that is passed through has refused a certificate. Says once for each
 * such copy, at error level, that no trust directory was asked, if there are anchors in one.
 */
void unserved_tell(struct crypto *crypto);

#endif
