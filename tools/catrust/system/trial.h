/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TRIAL_H
#define CATRUST_TRIAL_H

#include "base/reason.h"
#include "system/linkers.h"

#include <stdbool.h>

/* Programs that nearly every system has, run as root and as a user: compares their output and exit
 * status with and without the library. They do no more than print their version. */
struct trial;

/* Runs them as they are now. NULL: out of memory. Free with trial_free(). */
struct trial *trial_new(const struct linkers *linkers);
void trial_free(struct trial *t);

/* Do they behave the same again? preload: their LD_PRELOAD, or NULL. Returns 0, or -1 and *why: the
 * first that differs. */
int trial_again(const struct trial *t, const char *preload, struct reason *why);

#endif
