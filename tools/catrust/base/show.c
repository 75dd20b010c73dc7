/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Until show_init() knows better. */
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

void show_line(enum show_style style, const char *format, ...)
{
	static const char *const start[] = {"", "\033[1;33m", "\033[1m"};
	bool coloured = colour && style != SHOW_PLAIN;
	va_list args;

	fputs(coloured ? start[style] : "", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs(coloured ? "\033[0m\n" : "\n", stderr);
}

void show_error(const char *format, ...)
{
	va_list args;

	fputs("catrust: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}
