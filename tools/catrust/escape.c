/* SPDX-License-Identifier: Apache-2.0 */
#include "escape.h"

#include <stdbool.h>
#include <string.h>

/* Decodes one UTF-8 character. Returns its length, or 0 where there is none. */
static size_t decode(const unsigned char *s, size_t len, unsigned long *ret)
{
	unsigned long code, least;
	size_t n;

	if (s[0] < 0x80) {
		*ret = s[0];
		return 1;
	}
	if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		n = 2;
		code = s[0] & 0x1fU;
		least = 0x80;
	} else if (s[0] >= 0xe0 && s[0] <= 0xef) {
		n = 3;
		code = s[0] & 0x0fU;
		least = 0x800;
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		n = 4;
		code = s[0] & 0x07U;
		least = 0x10000;
	} else {
		return 0;
	}
	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0U) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3fU);
	}
	if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret = code;
	return n;
}

/* Moves the cursor, shows nothing, or reorders what stands around it. */
static bool is_hidden(unsigned long code)
{
	static const struct {
		unsigned long first, last;
	} hidden[] = {
		{0x0000, 0x001f}, {0x007f, 0x009f},   {0x00ad, 0x00ad}, {0x061c, 0x061c},
		{0x115f, 0x1160}, {0x180e, 0x180e},   {0x200b, 0x200f}, {0x2028, 0x202e},
		{0x2060, 0x206f}, {0x3164, 0x3164},   {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},
		{0xfff0, 0xfffb}, {0xe0000, 0xe0fff},
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
		if (code >= hidden[i].first && code <= hidden[i].last)
			return true;
	return false;
}

/* Writes the escaped form of what s starts with to out; returns how much of s that was. */
static size_t escape_one(const unsigned char *s, size_t len, unsigned flags, char out[16],
			 size_t *ret_len)
{
	static const char hex[] = "0123456789abcdef";
	bool ascii = (flags & ESCAPE_ASCII) != 0, name = (flags & ESCAPE_NAME) != 0;
	unsigned long code = 0;
	size_t n = decode(s, len, &code), at = 0;

	if (n == 0 || is_hidden(code) || (n > 1 && ascii)) {
		n = n == 0 ? 1 : n;
		for (size_t i = 0; i < n; i++) {
			out[at++] = '\\';
			out[at++] = 'x';
			out[at++] = hex[s[i] >> 4];
			out[at++] = hex[s[i] & 15];
		}
	} else {
		if (code == '\\' || (name && (code == ',' || code == '+' || code == '=')))
			out[at++] = '\\';
		memcpy(out + at, s, n);
		at += n;
	}
	*ret_len = at;
	return n;
}

char *escape(char *buf, size_t size, const void *bytes, size_t len, unsigned flags)
{
	const unsigned char *s = bytes;
	/* fit: where "..." still has room behind what is written */
	size_t at = 0, fit = 0;

	while (len > 0) {
		char one[16];
		size_t out, n = escape_one(s, len, flags, one, &out);

		if (at + out >= size) {
			memcpy(buf + fit, "...", 4);
			return buf;
		}
		memcpy(buf + at, one, out);
		at += out;
		if (at + 4 <= size)
			fit = at;
		s += n;
		len -= n;
	}
	buf[at] = '\0';
	return buf;
}
