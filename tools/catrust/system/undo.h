/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_UNDO_H
#define CATRUST_UNDO_H

#include "base/reason.h"
#include "system/record.h"

/*
 * Undoes what is recorded from item first on, the entry of /etc/ld.so.preload before all else, and
 * takes it out of the record. What can't be undone stays in it. Returns 0, or -1 and *why of the
 * first that could not.
 */
int undo_from(struct record *r, size_t first, struct reason *why);

#endif
