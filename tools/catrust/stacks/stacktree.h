/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_STACKTREE_H
#define CATRUST_STACKTREE_H

#include "stacks/stacks.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The programs that a command ran, and what they had loaded. A program begins with exec; the
 * processes that it forks are the same program until they exec.
 */

enum { STACKTREE_COMMAND = 200 };

struct stacktree_range {
	uint64_t start, end;
};

struct stacktree_program {
	struct stacks_program facts;
	pid_t pid;	  /* of the first process */
	size_t processes; /* it and those forked from it that have become no other program */
	bool is_own; /* catrust itself, catrust-run, or a helper of theirs: none of the command's */
	bool is_running;		 /* when the report was made */
	bool is_closed;			 /* /proc was never to be read */
	char command[STACKTREE_COMMAND]; /* its arguments, raw, with spaces between */
	char *path;			 /* of the program */
	struct stacktree_range *where;	 /* each of facts.use is loaded */
	struct stacktree_range library;	 /* libcatrust.so is loaded */
	const char *library_path;	 /* NULL: it is not */
	bool is_replaced;		 /* its file was removed since, or is another one now */
	uint64_t seen;			 /* its struct seen; 0: not found yet */
	char version[16];		 /* of libcatrust.so; "": not known */
};

struct stacktree;

/*
 * Called for a variable that is set in a program's environment: are all anchors in the file? path
 * is as the process sees it.
 */
typedef bool stacktree_check(void *arg, enum tls_variable variable, const char *path);

/* NULL: out of memory. Free with stacktree_free(). */
struct stacktree *stacktree_new(stacktree_check *check, void *arg);
void stacktree_free(struct stacktree *t);

/* pid has become another program. */
void stacktree_exec(struct stacktree *t, pid_t pid);

/* pid was running already: nobody knows how it was started. */
void stacktree_found(struct stacktree *t, pid_t pid);

/* child was forked. */
void stacktree_fork(struct stacktree *t, pid_t parent, pid_t child);

/* Sees what pid has loaded by now; tid is a thread of it that has not ended. */
void stacktree_look(struct stacktree *t, pid_t pid, pid_t tid);

/* pid has ended. */
void stacktree_gone(struct stacktree *t, pid_t pid);

/* All processes that have not ended; calls see() for each. */
void stacktree_each(struct stacktree *t, void (*see)(void *arg, pid_t pid), void *arg);

/* Closes the books: what goes on running is marked. */
void stacktree_finish(struct stacktree *t);

size_t stacktree_count(const struct stacktree *t);
const struct stacktree_program *stacktree_program(const struct stacktree *t, size_t i);

/* Was all kept? Else there was too much, or no memory. */
bool stacktree_is_whole(const struct stacktree *t);

#endif
