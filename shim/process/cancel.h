/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CANCEL_H
#define CATRUST_CANCEL_H

#include <pthread.h>

/*
 * pthread_cancel() ends a thread in open(), read(), write() and others. The shim must always finish
 * its work there. Otherwise nothing would look for changes for a minute, and nothing would be freed
 * any more. Between these two calls, a thread is not ended; the program's own next such call ends
 * it. glibc has had the function in libc since its first version, and musl has it, too.
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
