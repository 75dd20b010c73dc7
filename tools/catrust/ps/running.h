/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_RUNNING_H
#define CATRUST_RUNNING_H

#include "ps/view.h"
#include "stacks/stacktree.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

/* The running processes, as /proc shows each at one moment. */

struct running_process {
	pid_t pid;
	time_t since; /* the time of its start */
	long user;    /* its number; -1: unknown */
	const struct view *view;
	size_t program; /* of tree */
};

struct running {
	struct stacktree *tree;
	struct views *views;
	struct running_process *process; /* ordered by their numbers */
	size_t count;
	size_t closed; /* processes that can't be read, or only in part */
	const struct view *now;
};

/* Returns 0 and *ret, or a negative errno. Call running_clear() in both cases. */
int running_read(struct running *ret);
void running_clear(struct running *r);

#endif
