/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CURRENT_H
#define CATRUST_CURRENT_H

#include "policy/trust.h"

/*
 * Looks at the trust directories if it is time to. Returns what they say now, or NULL if there is
 * no anchor. It stays valid until trust_leave(), which is owed in either case. Nothing of the
 * program's may be called in between.
 */
const struct trust *trust_enter(struct crypto *crypto);
void trust_leave(void);

/* Reads the trust directories now, so that what can be read now counts later. */
void trust_read(struct crypto *crypto);

#endif
