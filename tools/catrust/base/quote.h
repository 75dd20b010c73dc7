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
	bool full; /* it did not fit: text is not to be used */
};

/* A word, quoted if the shell would take it for anything but itself. */
void quote_word(struct quote *q, const char *word);

/* Words of the caller's own, as they are. */
void quote_plain(struct quote *q, const char *words);

#endif
