/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_RETIRE_H
#define CATRUST_RETIRE_H

/*
 * For data that threads read without a lock, and that may be replaced at any time. Replaced data is
 * freed when there is no reader left. There is one count of readers for all data: a read is short
 * and never calls the program. After a fork, a reader that does not exist in the child keeps the
 * child from freeing, which only costs memory.
 */
struct retired {
	struct retired *next;
	void (*free)(struct retired *item);
};

/* Between these two calls, nothing that was published before retire_enter() is freed. */
void retire_enter(void);
void retire_leave(void);

/*
 * Frees an item that readers can no longer find, now or later. The caller is a reader itself, and
 * no longer uses the item.
 */
void retire(struct retired *item);

#endif
