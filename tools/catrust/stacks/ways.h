/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_WAYS_H
#define CATRUST_WAYS_H

#include "stacks/stacks.h"

/* Ways to reach a program's TLS, the mildest first. Bits: a command may need several. */
enum ways {
	WAY_RUN = 1 << 0,    /* catrust-run */
	WAY_ENV = 1 << 1,    /* with its --env */
	WAY_MOUNT = 1 << 2,  /* with its --mount */
	WAY_ENABLE = 1 << 3, /* catrust enable --system */
	WAY_NONE = 1 << 4,   /* no way is known */
};

/* The way that a stack needs. */
enum ways ways_of(const struct stacks_verdict *verdict);

/* The command; NULL: for one of the stacks, no way is known. ways: of all stacks, at least one. */
const char *ways_command(unsigned ways);

#endif
