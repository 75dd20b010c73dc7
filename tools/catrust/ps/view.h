/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_VIEW_H
#define CATRUST_VIEW_H

#include "program/tlsfile.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * What a running process would now read as its trust directories: with the environment of its
 * start, in its own root, as its own user. A child process enters there and reads with the
 * library's own code; it has ten seconds.
 */

enum { VIEW_SOURCES = 8 };

struct view {
	bool is_elsewhere; /* the process has another root */
	bool is_known;	   /* the following was read */
	size_t anchors;	   /* anchors that it would trust */
	size_t skipped;	   /* problems in its trust directories */
	unsigned good;	   /* bits of enum tls_variable: its file has all anchors */
	size_t source_count;
	struct {
		char *path; /* as the process names it */
		bool is_there;
	} source[VIEW_SOURCES];
	bool has_more; /* there are more sources */
};

/* The views of many processes; equal ones are read once. */
struct views;

/* NULL: out of memory. Free with views_free(). */
struct views *views_new(void);
void views_free(struct views *v);

/* The view of a process, which lives as long as v. NULL: its environment can't be read, or there is
 * no memory. */
const struct view *views_of(struct views *v, pid_t pid);

#endif
