/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CANCEL_H
#define CATRUST_CANCEL_H

#include <pthread.h>

/*
 * open(), read(), write() and others are where pthread_cancel() ends a thread. What the shim does
 * there must come to its end, or nothing is looked at for a minute, and nothing is freed any more.
 * Between these two, a thread is not ended; the program's own next such call ends it. glibc has the
 * function in libc from its first version on, musl too.
 */
static inline int cancel_hold(void)
{
	int before = PTHREAD_CANCEL_ENABLE;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return before;
}

static inline void cancel_release(int before)
{
	(void)pthread_setcancelstate(before, NULL);
}

#endif
