/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_FETCHCOMMAND_H
#define CATRUST_FETCHCOMMAND_H

#include "base/quote.h"
#include "cli/options.h"
#include "store/scopes.h"

/*
 * The catrust fetch that reaches target in the way that options say, as they stand, but for scopes
 * in place of theirs where that is not NULL.
 */
void fetchcommand_write(struct quote *q, const struct options *options, const char *target,
			const struct scopes *scopes);

#endif
