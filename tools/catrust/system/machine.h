/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_MACHINE_H
#define CATRUST_MACHINE_H

#include "base/reason.h"
#include "store/trusted.h"
#include "system/record.h"

/* The trust of all users: without variables and home directories. */
#define MACHINE_TRUST "/etc/catrust/ca.d"

/* Returns 0 and *ret, to be freed with trusted_clear(), or -1 and *why. */
int machine_trusted(struct trusted *ret, struct reason *why);

/* Opens the record, as root, and keeps other catrust processes from changing it. A user who is
 * not root is told to run the command with sudo. Returns 0, or -1 and *why. */
int machine_open(const char *command, struct record *ret, struct reason *why);

/* Writes the bundles again, if they are in use. Returns whether they are, or -1 and *why. */
int machine_refresh(struct reason *why);

#endif
