/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TEXT_H
#define CATRUST_TEXT_H

#include <stddef.h>

/*
 * Text of limited length, without stdio: in another program's process, printf would bring in
 * locales, locks and (with fortify) names that musl does not have. Text that does not fit is cut
 * off; the buffer always holds a valid string.
 */
struct text {
	char *buf;
	size_t size; /* of buf, at least 1 */
	size_t len;  /* without the final NUL */
};

/* An empty text over an array (not a pointer). */
#define TEXT(array) ((struct text){(array), sizeof(array), 0})

void text_add(struct text *t, const char *s);
void text_add_n(struct text *t, const char *s, size_t n);
void text_add_uint(struct text *t, size_t value);
/*
 * Adds s, and writes every byte that could move a cursor (control characters, DEL, C1 in UTF-8, and
 * bytes that are not UTF-8) as \xHH.
 */
void text_add_escaped(struct text *t, const char *s);
/*
 * Adds s, which comes from text_add_escaped(), as a JSON string with its quotes (RFC 8259, 7). It
 * needs at most twice the length, and two bytes.
 */
void text_add_json(struct text *t, const char *s);

/*
 * The length of the UTF-8 character at s (RFC 3629: no overlong forms, no surrogates, nothing
 * beyond U+10FFFF); 0 if there is none. len: of s, not 0.
 */
size_t text_character(const unsigned char *s, size_t len, unsigned long *ret_code);

/* Only ASCII, whatever the locale: as in DNS, and as X509_check_host() compares. */
static inline char text_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

#endif
