/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_JSON_H
#define CATRUST_JSON_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Writes JSON, indented, as it is told to: commas and quotes are its business, the order of calls
 * is the caller's. Text that is not UTF-8 is written with U+FFFD in place of what is wrong.
 */
struct json {
	FILE *to;
	int depth;
	bool first; /* nothing is written yet in the current object or array */
};

/* key is NULL for elements of arrays, and for the outermost value. */
void json_open_object(struct json *j, const char *key);
void json_open_array(struct json *j, const char *key);
void json_close_object(struct json *j);
void json_close_array(struct json *j);

void json_string(struct json *j, const char *key, const char *text); /* NULL text: null */
void json_number(struct json *j, const char *key, long number);
void json_bool(struct json *j, const char *key, bool value);

#endif
