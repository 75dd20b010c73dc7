/* SPDX-License-Identifier: Apache-2.0 */
#include "libc/text.h"

#include <string.h>

void text_add_n(struct text *t, const char *s, size_t n)
{
	size_t room = t->size - 1 - t->len;

	if (n > room)
		n = room;
	memcpy(t->buf + t->len, s, n);
	t->len += n;
	t->buf[t->len] = '\0';
}

void text_add(struct text *t, const char *s)
{
	text_add_n(t, s, strlen(s));
}

void text_add_uint(struct text *t, size_t value)
{
	char digits[3 * sizeof(value)];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	text_add_n(t, digits + i, sizeof(digits) - i);
}

size_t text_character(const unsigned char *s, size_t len, unsigned long *ret_code)
{
	static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	unsigned long code = n == 1 ? s[0] : s[0] & 0x7fU >> n;

	if (n > len || (s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0U) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3fU);
	}
	*ret_code = code;
	return code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 0 : n;
}

/* The length of the printable UTF-8 character that s starts with; 0 if there is none. */
static size_t printable(const unsigned char *s)
{
	unsigned long code;
	size_t n = text_character(s, 4, &code); /* no character goes beyond the final NUL */

	if (n == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0))
		return 0;
	/* Line and paragraph separators, and characters that reverse the direction of text. */
	if (code == 0x2028 || code == 0x2029 || code == 0x200e || code == 0x200f ||
	    (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
		return 0;
	return n;
}

void text_add_escaped(struct text *t, const char *s)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *p = (const unsigned char *)s;

	while (*p != '\0') {
		size_t n = printable(p);

		if (n > 0) {
			if (t->len + n >= t->size)
				return;
			text_add_n(t, (const char *)p, n);
			p += n;
		} else {
			char escaped[4] = {'\\', 'x', hex[*p >> 4], hex[*p & 15]};

			if (t->len + sizeof(escaped) >= t->size)
				return;
			text_add_n(t, escaped, sizeof(escaped));
			p++;
		}
	}
}

void text_add_json(struct text *t, const char *s)
{
	text_add(t, "\"");
	/* It has no control characters, and is valid UTF-8. */
	for (size_t n; *s != '\0'; s += n) {
		n = strcspn(s, "\"\\");
		text_add_n(t, s, n);
		if (s[n] != '\0') {
			const char escaped[2] = {'\\', s[n++]};

			text_add_n(t, escaped, sizeof(escaped));
		}
	}
	text_add(t, "\"");
}
