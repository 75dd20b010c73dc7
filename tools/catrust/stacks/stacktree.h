/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_STACKTREE_H
#define CATRUST_STACKTREE_H

#include "stacks/stacks.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The programs that a command ran, and the files that they loaded. A program begins with exec; the
 * processes that it forks are the same program until they exec. */

enum { STACKTREE_COMMAND = 200 };

struct stacktree_range {
	uint64_t start, end;
};

struct stacktree_program {
	struct stacks_program facts;
	pid_t pid;	  /* of the first process */
	size_t processes; /* the first and its forks that have not become another program */
	bool is_own; /* catrust itself, catrust-run, or one of their helpers: not the command's */
	bool is_running;		 /* at the time of the report */
	bool is_closed;			 /* its /proc could never be read */
	char command[STACKTREE_COMMAND]; /* its arguments, raw, separated by spaces */
	char *path;			 /* of the program */
	struct stacktree_range *where;	 /* where each of facts.use is loaded */
	struct stacktree_range library;	 /* where libcatrust.so is loaded */
	const char *library_path;	 /* NULL: it is not loaded */
	bool is_replaced;		 /* its file was removed or replaced */
	uint64_t seen;			 /* the address of its struct seen; 0: not found yet */
	char version[16];		 /* of libcatrust.so; "": unknown */
};

struct stacktree;

/* Called for a variable in a program's environment: does the file have all anchors? path is the
 * process's view. */
typedef bool stacktree_check(void *arg, enum tls_variable variable, const char *path);

/* NULL: out of memory. Free with stacktree_free(). */
struct stacktree *stacktree_new(stacktree_check *check, void *arg);
void stacktree_free(struct stacktree *t);

/* pid has become another program. */
void stacktree_exec(struct stacktree *t, pid_t pid);

/* pid was already running: nobody knows how it was started. */
void stacktree_found(struct stacktree *t, pid_t pid);

/* child was forked. */
void stacktree_fork(struct stacktree *t, pid_t parent, pid_t child);

/* Reads what pid has loaded by now; tid is one of its threads that has not ended. */
void stacktree_look(struct stacktree *t, pid_t pid, pid_t tid);

/* pid has ended. */
void stacktree_gone(struct stacktree *t, pid_t pid);

/* Calls see() for each process that has not ended. */
void stacktree_each(struct stacktree *t, void (*see)(void *arg, pid_t pid), void *arg);

/* Finishes the data, and marks the programs that are still running. */
void stacktree_finish(struct stacktree *t);

size_t stacktree_count(const struct stacktree *t);
const struct stacktree_program *stacktree_program(const struct stacktree *t, size_t i);

/* Is all data there? If not, there was too much, or no memory. */
bool stacktree_is_whole(const struct stacktree *t);

#endif
