/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_PROBLEMS_H
#define CATRUST_PROBLEMS_H

#include "store/trusted.h"

#include <stdbool.h>

/* Reports on stderr what is skipped in the trust directories, and why. Returns whether there was
 * anything. */
bool problems_show(const struct trusted *trusted);

/* Calls tell for each line of the above, unescaped. */
void problems_each(const struct trusted *trusted, void (*tell)(void *arg, const char *text),
		   void *arg);

#endif
