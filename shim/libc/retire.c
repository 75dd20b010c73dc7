/* SPDX-License-Identifier: Apache-2.0 */
#include "libc/retire.h"

#include <stdatomic.h>
#include <stddef.h>

static atomic_size_t readers;
static _Atomic(struct retired *) waiting;

void retire_enter(void)
{
	atomic_fetch_add(&readers, 1);
}

void retire_leave(void)
{
	atomic_fetch_sub(&readers, 1);
}

static void push(struct retired *first)
{
	struct retired *last = first, *top = atomic_load(&waiting);

	while (last->next != NULL)
		last = last->next;
	do
		last->next = top;
	while (!atomic_compare_exchange_weak(&waiting, &top, first));
}

/*
 * The items are taken off the list first, and the readers are counted afterwards: readers who come
 * later find what has replaced the items.
 */
void retire(struct retired *item)
{
	struct retired *next;

	item->next = NULL;
	push(item);
	item = atomic_exchange(&waiting, NULL);
	/* One of them is the caller. */
	if (item != NULL && atomic_load(&readers) > 1) {
		push(item);
		return;
	}
	for (; item != NULL; item = next) {
		next = item->next;
		item->free(item);
	}
}
