/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_GATHER_H
#define CATRUST_GATHER_H

#include "fetch/fetch.h"

#include <stddef.h>

/* At most so many connections at a time. */
enum { GATHER_THREADS = 64 };

/*
 * Connects to all targets side by side and fills in what each shows, chain and issuers included. A
 * count of them goes to a terminal where it takes long. Returns 0, or -1 if no thread can be
 * started.
 */
int gather(struct fetch *fetches, size_t count);

/* Sets group and sites of each. */
void gather_compare(struct fetch *fetches, size_t count);

#endif
