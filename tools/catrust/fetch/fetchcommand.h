/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_FETCHCOMMAND_H
#define CATRUST_FETCHCOMMAND_H

#include "base/quote.h"
#include "cli/options.h"
#include "store/scopes.h"

/* Writes the catrust fetch command that reaches target with the same options; scopes, if not NULL,
 * replaces theirs. */
void fetchcommand_write(struct quote *q, const struct options *options, const char *target,
			const struct scopes *scopes);

/* The catrust doctor command for the same target and connection. */
void fetchcommand_doctor(struct quote *q, const struct options *options, const char *target);

#endif
