/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_VERDICT_JSON_H
#define CATRUST_VERDICT_JSON_H

#include "base/json.h"
#include "stacks/stacks.h"

/* Members of the current object: about a stack that is in file. */
void verdict_json(struct json *j, const struct stacks_verdict *v, const char *file);

/* Members reason and why. */
void verdict_json_why(struct json *j, enum stacks_reason reason);

#endif
