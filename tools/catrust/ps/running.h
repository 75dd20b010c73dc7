/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_RUNNING_H
#define CATRUST_RUNNING_H

#include "ps/view.h"
#include "stacks/stacktree.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

/* The processes that run, as /proc shows them at one time each. */

struct running_process {
	pid_t pid;
	time_t since; /* it was started */
	long user;    /* its number; -1: not known */
	const struct view *view;
	size_t program; /* of tree */
};

struct running {
	struct stacktree *tree;
	struct views *views;
	struct running_process *process; /* in the order of their numbers */
	size_t count;
	size_t closed; /* processes that may not be looked into, or not whole */
	const struct view *now;
};

/* Returns 0 and *ret, or a negative errno. running_clear() in either case. */
int running_read(struct running *ret);
void running_clear(struct running *r);

#endif
