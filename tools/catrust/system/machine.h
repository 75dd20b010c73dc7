/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_MACHINE_H
#define CATRUST_MACHINE_H

#include "base/reason.h"
#include "store/trusted.h"
#include "system/record.h"

/* What counts for all users: no variable, and nobody's home. */
#define MACHINE_TRUST "/etc/catrust/ca.d"

/* Returns 0 and *ret, to be freed with trusted_clear(), or -1 and *why. */
int machine_trusted(struct trusted *ret, struct reason *why);

/* The record, by root, while no other catrust changes it. Returns 0, or -1 and *why. */
int machine_open(struct record *ret, struct reason *why);

/* Makes the bundles anew, where they are in use. Returns whether they are, or -1 and *why. */
int machine_refresh(struct reason *why);

#endif
