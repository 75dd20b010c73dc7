/* SPDX-License-Identifier: Apache-2.0 */
#include "base/interrupts.h"

void interrupts_hold(sigset_t *before)
{
	sigset_t interrupts;

	sigemptyset(&interrupts);
	sigaddset(&interrupts, SIGINT);
	sigaddset(&interrupts, SIGTERM);
	sigaddset(&interrupts, SIGHUP);
	sigaddset(&interrupts, SIGQUIT);
	sigprocmask(SIG_BLOCK, &interrupts, before);
}
