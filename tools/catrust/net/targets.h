/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TARGETS_H
#define CATRUST_TARGETS_H

#include "base/reason.h"
#include "net/target.h"

#include <stddef.h>

enum { TARGETS_MAX = 1000 };

struct targets {
	struct target *item;
	size_t count;
};

/*
 * Reads the targets of the command line; "-" means the lines of standard input. Empty lines and
 * those that start with # are skipped. Returns 0 and *ret, to be freed with targets_clear(), or -1
 * and *why.
 */
int targets_read(char *const *args, int count, struct targets *ret, struct reason *why);

void targets_clear(struct targets *targets);

#endif
