/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CONFIRM_H
#define CATRUST_CONFIRM_H

#include <stdbool.h>

/* Is there a terminal for a question, and can the user see there what it is about? */
bool confirm_possible(void);

/* Asks a question; anything but y or yes is no. */
bool confirm(const char *question);

#endif
