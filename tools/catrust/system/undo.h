/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_UNDO_H
#define CATRUST_UNDO_H

#include "base/reason.h"
#include "system/record.h"

/*
 * Undoes the recorded items from first on, beginning with the entry of /etc/ld.so.preload, and
 * removes them from the record. What can't be undone stays in it. Returns 0, or -1 and *why for the
 * first failure.
 */
int undo_from(struct record *r, size_t first, struct reason *why);

#endif
