/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_STACKWATCH_H
#define CATRUST_STACKWATCH_H

#include "base/reason.h"
#include "stacks/stacktree.h"

#include <stdbool.h>

/*
 * Runs a command and tells a tree of programs what becomes of it and all its children. It traces
 * them (ptrace), which stops each at its exec and just before its end: nothing is missed, however
 * short it lives, and nothing in between costs it any time. Where tracing is not allowed, it looks
 * at them many times a second instead.
 */

struct stackwatch {
	struct stacktree *tree;
	char **argv;	   /* how catrust-run is called; what it becomes is the first program */
	bool out_to_err;   /* the command's standard output goes to standard error */
	bool never_traces; /* as if it were not allowed */

	/* what became of it */
	bool is_polled; /* tracing was not allowed */
	bool started;	/* catrust-run has become the command */
	int status;	/* as of waitpid() */
};

/* Returns 0 once the command has ended, or -1 and *why if it could not be started. */
int stackwatch_run(struct stackwatch *watch, struct reason *why);

#endif
