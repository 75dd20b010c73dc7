/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_RETIRE_H
#define CATRUST_RETIRE_H

/*
 * What threads read without a lock, and what may replace it at any time: what was replaced is freed
 * when there is no reader left. One count for all of it: a read is short and never calls the
 * program. After a fork, a reader that the child does not have keeps the child from freeing, which
 * costs memory and nothing else.
 */
struct retired {
	struct retired *next;
	void (*free)(struct retired *item);
};

/* Between these two, nothing that was published before retire_enter() is freed. */
void retire_enter(void);
void retire_leave(void);

/* Frees an item that readers no longer find, now or with a later one. The caller is a reader
 * itself, and does not use the item any more. */
void retire(struct retired *item);

#endif
