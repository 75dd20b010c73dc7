/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_JSON_H
#define CATRUST_JSON_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Writes indented JSON. It adds commas and quotes; the caller makes the calls in the right order.
 * In text that is not UTF-8, the invalid bytes become U+FFFD.
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
