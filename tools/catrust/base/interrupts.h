/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_INTERRUPTS_H
#define CATRUST_INTERRUPTS_H

#include <signal.h>

/*
 * Ctrl-C and its like wait, for the moments in which something could be left behind, until
 * sigprocmask(SIG_SETMASK, before, NULL).
 */
void interrupts_hold(sigset_t *before);

#endif
