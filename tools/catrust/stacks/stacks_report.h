/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_STACKS_REPORT_H
#define CATRUST_STACKS_REPORT_H

#include "stacks/stacktree.h"

#include <stdbool.h>
#include <stdio.h>

/* The stacks of a tree of programs; equal ones share a row. */
struct stacks_report;

/* Other data for the report. */
struct stacks_run {
	char *const *command;
	int status; /* as from waitpid() */
	bool is_polled;
	const char *missing; /* a missing library that the command needs to start, or NULL */
	size_t anchors;	     /* in the trust directories */
};

/* tree must outlive it. NULL: out of memory. Free with stacks_report_free(). */
struct stacks_report *stacks_report_new(const struct stacktree *tree);
void stacks_report_free(struct stacks_report *r);

/* Was everything that did TLS seen to be reached? */
bool stacks_report_is_good(const struct stacks_report *r, const struct stacks_run *run);

void stacks_report_text(const struct stacks_report *r, const struct stacks_run *run, FILE *to);
void stacks_report_json(const struct stacks_report *r, const struct stacks_run *run, int status,
			FILE *to);

#endif
