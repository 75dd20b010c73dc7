/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_VERDICT_JSON_H
#define CATRUST_VERDICT_JSON_H

#include "base/json.h"
#include "stacks/stacks.h"

/* Writes members of the current object: about a stack in file. */
void verdict_json(struct json *j, const struct stacks_verdict *v, const char *file);

/* Writes the members reason and why. */
void verdict_json_why(struct json *j, enum stacks_reason reason);

#endif
