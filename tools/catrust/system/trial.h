/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TRIAL_H
#define CATRUST_TRIAL_H

#include "base/reason.h"
#include "system/linkers.h"

#include <stdbool.h>

/*
 * Programs that are there on nearly every system, run by root and by a user: what they say, and how
 * they end, with the library and without. What they do is print their version, at most.
 */
struct trial;

/* How they do now. NULL: out of memory. Free with trial_free(). */
struct trial *trial_new(const struct linkers *linkers);
void trial_free(struct trial *t);

/*
 * Do they do the same again? preload: LD_PRELOAD of theirs, or NULL. Returns 0, or -1 and *why: the
 * first that does not.
 */
int trial_again(const struct trial *t, const char *preload, struct reason *why);

#endif
