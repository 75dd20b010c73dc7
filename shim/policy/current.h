/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CURRENT_H
#define CATRUST_CURRENT_H

#include "policy/trust.h"

/*
 * Looks at the trust directories if it is time to. Returns the present trust, or NULL if there is
 * no anchor. It is valid until trust_leave(), which must be called in either case. Call nothing of
 * the program's in between.
 */
const struct trust *trust_enter(struct crypto *crypto);
void trust_leave(void);

/* Reads the trust directories now, so that what can be read now still counts later. */
void trust_read(struct crypto *crypto);

#endif
