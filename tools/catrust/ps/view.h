/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_VIEW_H
#define CATRUST_VIEW_H

#include "program/tlsfile.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * What a running process would read as its trust directories now: by the environment that it was
 * started with, in its own root, as its own user. A child process goes there and reads, by the
 * library's own code; it has ten seconds.
 */

enum { VIEW_SOURCES = 8 };

struct view {
	bool is_elsewhere; /* the process has another root than we have */
	bool is_known;	   /* what follows was read */
	size_t anchors;	   /* that it would trust */
	size_t skipped;	   /* what is wrong in its trust directories */
	unsigned good;	   /* bits of enum tls_variable: the file that it names has all anchors */
	size_t source_count;
	struct {
		char *path; /* as the process names it */
		bool is_there;
	} source[VIEW_SOURCES];
	bool has_more; /* sources than those */
};

/* The views of many processes: those that are alike are read once. */
struct views;

/* NULL: out of memory. Free with views_free(). */
struct views *views_new(void);
void views_free(struct views *v);

/*
 * That of a process, which lives as long as v. NULL: its environment is not to be read, or there is
 * no memory.
 */
const struct view *views_of(struct views *v, pid_t pid);

#endif
