/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_PROPOSE_H
#define CATRUST_PROPOSE_H

#include "fetch/fetch.h"

/*
 * Which certificate of a chain to save, whether that would help, and, once it is confirmed, its way
 * to the trust directory. Sets what became of f.
 */
void propose(struct fetch *f);

#endif
