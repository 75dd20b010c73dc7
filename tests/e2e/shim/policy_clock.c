/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded beside the shim, so that a minute passes when the test says so: see policy_hint.py. */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Seconds that the coarse monotonic clock, which the shim looks at, is ahead. */
long policy_clock_ahead;

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int ret = (int)syscall(SYS_clock_gettime, clock, now);

	if (ret == 0 && clock == CLOCK_MONOTONIC_COARSE)
		now->tv_sec += policy_clock_ahead;
	return ret;
}
