/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"

#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Defaults until show_init() has run. */
static unsigned terminal_flags = ESCAPE_ASCII;
static bool colour;

void show_init(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (setlocale(LC_CTYPE, "") != NULL && strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
		terminal_flags = 0;
	colour = isatty(STDERR_FILENO) && (no_color == NULL || no_color[0] == '\0') &&
		 term != NULL && strcmp(term, "dumb") != 0;
}

char *show_text(const char *text, char buf[SHOW_MAX])
{
	return escape(buf, SHOW_MAX, text, strlen(text), terminal_flags);
}

char *show_bytes(char *buf, size_t size, const void *data, size_t len, unsigned more_flags)
{
	return escape(buf, size, data, len, terminal_flags | more_flags);
}

/* The columns of the terminal; 0 if there is no terminal, or if it is too narrow. */
static size_t columns_of(FILE *to)
{
	enum { LEAST = 40 };
	struct winsize size = {.ws_col = 0};

	if (!isatty(fileno(to)) || ioctl(fileno(to), TIOCGWINSZ, &size) != 0)
		return 0;
	return size.ws_col < LEAST ? 0 : size.ws_col;
}

/* How much of the line fits: up to the last space within columns, or else the whole first word. */
static size_t part_that_fits(const char *line, size_t len, size_t columns)
{
	size_t used = 0, space = 0;

	for (size_t i = 0; i < len; i++) {
		if (line[i] == ' ')
			space = i;
		/* The bytes after the first of a character of UTF-8 take no column. */
		used += ((unsigned char)line[i] & 0xc0) != 0x80;
		if (used > columns && space > 0)
			return space;
	}
	return len;
}

/*
 * text, with its longer lines broken at spaces if to is a terminal. Lines that begin with a space
 * are left as they are: commands to copy, and what stands in columns.
 */
static void show_wrapped(FILE *to, const char *text)
{
	size_t columns = columns_of(to);

	for (;;) {
		size_t len = strcspn(text, "\n");

		while (columns > 0 && text[0] != ' ') {
			size_t part = part_that_fits(text, len, columns);

			if (part == len)
				break;
			fprintf(to, "%.*s\n", (int)part, text);
			text += part + 1;
			len -= part + 1;
		}
		fwrite(text, 1, len, to);
		text += len;
		if (*text == '\0')
			return;
		fputc('\n', to);
		text++;
	}
}

/* Longer text is cut; no message is that long. */
__attribute__((format(printf, 2, 0))) static void show_formatted(const char *start,
								 const char *format, va_list args)
{
	char text[4 * SHOW_MAX + PATH_MAX];
	size_t len = (size_t)snprintf(text, sizeof(text), "%s", start);

	vsnprintf(text + len, sizeof(text) - len, format, args);
	show_wrapped(stderr, text);
}

void show_line(enum show_style style, const char *format, ...)
{
	static const char *const start[] = {"", "\033[1;33m", "\033[1m"};
	bool coloured = colour && style != SHOW_PLAIN;
	va_list args;

	fputs(coloured ? start[style] : "", stderr);
	va_start(args, format);
	show_formatted("", format, args);
	va_end(args);
	fputs(coloured ? "\033[0m\n" : "\n", stderr);
}

void show_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	show_formatted("catrust: ", format, args);
	va_end(args);
	fputc('\n', stderr);
}
