/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_WAYS_H
#define CATRUST_WAYS_H

#include "stacks/stacks.h"

/* Ways to reach a program's TLS, from the mildest on. Bits: a command may need several. */
enum ways {
	WAY_RUN = 1 << 0,    /* catrust-run */
	WAY_ENV = 1 << 1,    /* and its --env */
	WAY_MOUNT = 1 << 2,  /* and its --mount */
	WAY_ENABLE = 1 << 3, /* catrust enable --system */
	WAY_NONE = 1 << 4,   /* none is known */
};

/* The one that a stack needs. */
enum ways ways_of(const struct stacks_verdict *verdict);

/* As a command; NULL: there is a stack that no way is known for. ways: of all stacks, at least one.
 */
const char *ways_command(unsigned ways);

#endif
