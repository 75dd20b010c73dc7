/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_INTERRUPTS_H
#define CATRUST_INTERRUPTS_H

#include <signal.h>

/*
 * Blocks Ctrl-C and similar signals while a file could be left behind, until
 * sigprocmask(SIG_SETMASK, before, NULL).
 */
void interrupts_hold(sigset_t *before);

#endif
