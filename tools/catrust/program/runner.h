/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_RUNNER_H
#define CATRUST_RUNNER_H

#include "base/reason.h"

#include <limits.h>

/* The path of catrust-run, which is next to this program. use: its purpose, for the message.
 * Returns 0, or -1 and *why. */
int runner_find(char path[PATH_MAX], const char *use, struct reason *why);

#endif
