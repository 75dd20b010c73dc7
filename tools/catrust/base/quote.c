/* SPDX-License-Identifier: Apache-2.0 */
#include "base/quote.h"

#include <string.h>

static void add(struct quote *q, const char *bytes, size_t len)
{
	if (q->full || len >= QUOTE_MAX - q->len) {
		q->full = true;
		return;
	}
	memcpy(q->text + q->len, bytes, len);
	q->len += len;
	q->text[q->len] = '\0';
}

static void add_space(struct quote *q)
{
	if (q->len > 0)
		add(q, " ", 1);
}

void quote_plain(struct quote *q, const char *words)
{
	add_space(q);
	add(q, words, strlen(words));
}

/* $'...' for characters that are lost on a terminal or in a copied line: control characters. */
static bool is_printable(const char *word)
{
	for (; *word != '\0'; word++)
		if ((unsigned char)*word < ' ' || (unsigned char)*word == 0x7f)
			return false;
	return true;
}

static void add_escaped(struct quote *q, const char *word)
{
	static const char digits[] = "01234567";

	add(q, "$'", 2);
	for (; *word != '\0'; word++) {
		unsigned char c = (unsigned char)*word;
		const char octal[] = {'\\', digits[c >> 6], digits[c >> 3 & 7], digits[c & 7]};

		if (c < ' ' || c >= 0x7f || c == '\'' || c == '\\')
			add(q, octal, sizeof(octal));
		else
			add(q, word, 1);
	}
	add(q, "'", 1);
}

void quote_word(struct quote *q, const char *word)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-_./:@%+=,";

	add_space(q);
	if (!is_printable(word)) {
		add_escaped(q, word);
	} else if (word[0] != '\0' && word[strspn(word, safe)] == '\0') {
		add(q, word, strlen(word));
	} else {
		add(q, "'", 1);
		for (; *word != '\0'; word++) {
			if (*word == '\'')
				add(q, "'\\''", 4);
			else
				add(q, word, 1);
		}
		add(q, "'", 1);
	}
}
