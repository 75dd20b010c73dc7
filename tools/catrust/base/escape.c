/* SPDX-License-Identifier: Apache-2.0 */
#include "base/escape.h"

#include <stdio.h>
#include <string.h>

/* Decodes one UTF-8 character. Returns its length, or 0 if there is none. */
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

size_t escape_utf8_length(const char *text)
{
	unsigned long code;

	return decode((const unsigned char *)text, strnlen(text, 4) + 1, &code);
}

struct range {
	unsigned long first, last;
};

static bool is_in(const struct range *ranges, size_t count, unsigned long code)
{
	for (size_t i = 0; i < count; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

/* Does the character move the cursor, show nothing, or reorder the text around it? */
static bool is_hidden(unsigned long code)
{
	static const struct range hidden[] = {
		{0x0000, 0x001f}, {0x007f, 0x009f},   {0x00ad, 0x00ad}, {0x061c, 0x061c},
		{0x115f, 0x1160}, {0x180e, 0x180e},   {0x200b, 0x200f}, {0x2028, 0x202e},
		{0x2060, 0x206f}, {0x3164, 0x3164},   {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},
		{0xfff0, 0xfffb}, {0xe0000, 0xe0fff},
	};

	return is_in(hidden, sizeof(hidden) / sizeof(*hidden), code);
}

bool escape_is_hidden(const char *s, size_t len, unsigned long *code)
{
	return decode((const unsigned char *)s, len, code) > 0 && is_hidden(*code);
}

/*
 * Writes the escaped form of the first character of s to out; returns how many bytes of s that was.
 */
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
	/* fit: the last position behind which "..." still fits */
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

/*
 * Characters for which Python's str.isprintable() is false: control, format and private characters,
 * spaces.
 */
static bool is_unprintable(unsigned long code)
{
	static const struct range ranges[] = {
		{0x0000, 0x001f}, {0x007f, 0x00a0},   {0x00ad, 0x00ad},	   {0x0600, 0x0605},
		{0x061c, 0x061c}, {0x06dd, 0x06dd},   {0x070f, 0x070f},	   {0x1680, 0x1680},
		{0x180e, 0x180e}, {0x2000, 0x200f},   {0x2028, 0x202f},	   {0x205f, 0x206f},
		{0x3000, 0x3000}, {0xe000, 0xf8ff},   {0xfeff, 0xfeff},	   {0xfff0, 0xfffb},
		{0xfffe, 0xffff}, {0xe0000, 0xe00ff}, {0xe01f0, 0x10ffff},
	};

	return is_in(ranges, sizeof(ranges) / sizeof(*ranges), code);
}

char *escape_repr(char *buf, size_t size, const char *text)
{
	bool single = strchr(text, '\'') == NULL || strchr(text, '"') != NULL;
	const char quote = single ? '\'' : '"';
	const unsigned char *s = (const unsigned char *)text;
	size_t len = strlen(text), at = 0;

	buf[at++] = quote;
	while (len > 0 && at + ESCAPE_REPR + 2 <= size) {
		unsigned long code = s[0];
		size_t n = decode(s, len, &code);

		if (n > 0 && (code == (unsigned char)quote || code == '\\'))
			at += (size_t)snprintf(buf + at, size - at, "\\%c", (char)code);
		else if (code == '\n' || code == '\r' || code == '\t')
			at += (size_t)snprintf(buf + at, size - at, "\\%c",
					       code == '\n'   ? 'n'
					       : code == '\r' ? 'r'
							      : 't');
		else if (n > 0 && !is_unprintable(code))
			at += (size_t)snprintf(buf + at, size - at, "%.*s", (int)n,
					       (const char *)s);
		else
			at += (size_t)snprintf(buf + at, size - at,
					       code > 0xffff ? "\\U%08lx"
					       : code > 0xff ? "\\u%04lx"
							     : "\\x%02lx",
					       code);
		n = n == 0 ? 1 : n;
		s += n;
		len -= n;
	}
	buf[at++] = quote;
	buf[at] = '\0';
	return buf;
}
