/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_STACKWATCH_H
#define CATRUST_STACKWATCH_H

#include "base/reason.h"
#include "stacks/stacktree.h"

#include <stdbool.h>

/*
 * Runs a command, and reports what it and all its children do to a tree of programs. It traces them
 * (ptrace), which stops each at its exec and just before its end. So nothing is missed, even if a
 * process is short, and nothing is slower in between. If tracing is not allowed, it looks at them
 * many times a second instead.
 */

struct stackwatch {
	struct stacktree *tree;
	char **argv;	   /* the call of catrust-run, which then becomes the first program */
	bool out_to_err;   /* the command's standard output goes to standard error */
	bool never_traces; /* as if tracing were not allowed */

	/* the result */
	bool is_polled; /* tracing was not allowed */
	bool started;	/* catrust-run has become the command */
	int status;	/* as from waitpid() */
};

/* Returns 0 once the command has ended, or -1 and *why if it could not be started. */
int stackwatch_run(struct stackwatch *watch, struct reason *why);

#endif
