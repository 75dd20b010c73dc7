/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LIST_CHECK_H
#define CATRUST_LIST_CHECK_H

#include "base/json.h"
#include "store/trusted.h"

enum { LIST_CHECK_DAYS = 30 };

/*
 * catrust list --check, for monitoring: what is wrong with what is trusted, or will be within so
 * many days. Returns how much that is. json: a document to write it into as an array; NULL: lines
 * on stdout.
 */
size_t list_check(const struct trusted *trusted, int days, struct json *json);

#endif
