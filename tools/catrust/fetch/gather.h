/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_GATHER_H
#define CATRUST_GATHER_H

#include "fetch/fetch.h"

#include <stddef.h>

/* The maximum number of connections at a time. */
enum { GATHER_THREADS = 64 };

/* Connects to all targets in parallel and stores what each shows, including chain and issuers. If
 * it takes long, a terminal shows a count. Returns 0, or -1 if no thread can be started. */
int gather(struct fetch *fetches, size_t count);

/* Sets group and sites of each. */
void gather_compare(struct fetch *fetches, size_t count);

#endif
