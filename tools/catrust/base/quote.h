/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_QUOTE_H
#define CATRUST_QUOTE_H

#include <stdbool.h>
#include <stddef.h>

/* A command that the user may paste into a shell. */
enum { QUOTE_MAX = 8192 };

struct quote {
	char text[QUOTE_MAX];
	size_t len;
	bool full; /* the text did not fit, and must not be used */
};

/* Adds a word, quoted if the shell would interpret it. */
void quote_word(struct quote *q, const char *word);

/* Adds the caller's own words unchanged. */
void quote_plain(struct quote *q, const char *words);

#endif
