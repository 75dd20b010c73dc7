/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/escape.h"

#include <stddef.h>
#include <string.h>

/* In UTF-16, as JSON wants it. */
static void write_escape(FILE *to, unsigned long code)
{
	if (code <= 0xffff)
		fprintf(to, "\\u%04lx", code);
	else
		fprintf(to, "\\u%04lx\\u%04lx", 0xd800 + ((code - 0x10000) >> 10),
			0xdc00 + ((code - 0x10000) & 0x3ff));
}

/* JSON may be printed to a terminal, so its contents must not deceive the user. */
static void write_string(FILE *to, const char *text)
{
	const char *p = text;

	fputc('"', to);
	while (*p != '\0') {
		size_t len = escape_utf8_length(p);
		unsigned long code;

		if (len == 0)
			fputs("\\ufffd", to);
		else if (*p == '"' || *p == '\\')
			fprintf(to, "\\%c", *p);
		else if (escape_is_hidden(p, len, &code))
			write_escape(to, code);
		else
			fwrite(p, 1, len, to);
		p += len == 0 ? 1 : len;
	}
	fputc('"', to);
}

static void start(struct json *j, const char *key)
{
	if (j->depth > 0)
		fprintf(j->to, "%s\n%*s", j->first ? "" : ",", 2 * j->depth, "");
	j->first = false;
	if (key != NULL) {
		write_string(j->to, key);
		fputs(": ", j->to);
	}
}

static void open_with(struct json *j, const char *key, char bracket)
{
	start(j, key);
	fputc(bracket, j->to);
	j->depth++;
	j->first = true;
}

static void close_with(struct json *j, char bracket)
{
	j->depth--;
	if (!j->first)
		fprintf(j->to, "\n%*s", 2 * j->depth, "");
	j->first = false;
	fputc(bracket, j->to);
	if (j->depth == 0)
		fputc('\n', j->to);
}

void json_open_object(struct json *j, const char *key)
{
	open_with(j, key, '{');
}

void json_open_array(struct json *j, const char *key)
{
	open_with(j, key, '[');
}

void json_close_object(struct json *j)
{
	close_with(j, '}');
}

void json_close_array(struct json *j)
{
	close_with(j, ']');
}

void json_string(struct json *j, const char *key, const char *text)
{
	start(j, key);
	if (text == NULL)
		fputs("null", j->to);
	else
		write_string(j->to, text);
}

void json_number(struct json *j, const char *key, long number)
{
	start(j, key);
	fprintf(j->to, "%ld", number);
}

void json_bool(struct json *j, const char *key, bool value)
{
	start(j, key);
	fputs(value ? "true" : "false", j->to);
}
