/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_REPORT_H
#define CATRUST_REPORT_H

#include "base/json.h"
#include "fetch/fetch.h"

#include <stddef.h>

/* For people: what the server sent, in order, and remarks about it. */
void report_chain(const struct fetch *f);

/* For programs: all targets as JSON on stdout. The schema is in catrust(1). */
void report_json(const struct fetch *fetches, size_t count, enum status status);

/* Writes its members chain and extra. */
void report_json_chain(struct json *j, const struct fetch *f);

#endif
