/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_ESCAPE_H
#define CATRUST_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

enum escape_flags {
	ESCAPE_ASCII = 1, /* the reader's terminal does not understand UTF-8 */
	ESCAPE_NAME = 2,  /* also what separates the parts of a distinguished name */
};

/*
 * Writes bytes to buf as a string that is safe to print: control characters, bytes that are not
 * UTF-8, and characters that are invisible or change the direction of text become \xHH, a backslash
 * is doubled. What does not fit is cut off and ends in "...". size is at least 4. Returns buf.
 */
char *escape(char *buf, size_t size, const void *bytes, size_t len, unsigned flags);

/* The length of the UTF-8 character that text starts with, 0 if it is none. An empty text: 1. */
size_t escape_utf8_length(const char *text);

/* Is the character of UTF-8 at s one of those that are escaped? *code: its number. */
bool escape_is_hidden(const char *s, size_t len, unsigned long *code);

/* A character of text takes at most so many in its repr(), the quotes apart. */
enum { ESCAPE_REPR = 10 };

/* As Python's repr() of a str has it, quotes included. size is at least 4. Returns buf. */
char *escape_repr(char *buf, size_t size, const char *text);

#endif
