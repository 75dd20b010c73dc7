/* SPDX-License-Identifier: Apache-2.0 */
#include "env/javaopts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const javaopts_variable[JAVAOPTS_VARIABLES] = {"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS",
							   "_JAVA_OPTIONS"};

#define SPACE " \t\n\v\f\r"

/*
 * Reads the word at options without its quotes, cut at size; returns its length including quotes.
 */
static size_t read_word(const char *options, char *word, size_t size)
{
	size_t at = 0, len = 0;
	char quote = '\0';

	for (; options[at] != '\0' && (quote != '\0' || strchr(SPACE, options[at]) == NULL); at++) {
		if (quote == '\0' && (options[at] == '\'' || options[at] == '"'))
			quote = options[at];
		else if (quote != '\0' && options[at] == quote)
			quote = '\0';
		else if (len + 1 < size)
			word[len++] = options[at];
	}
	word[len] = '\0';
	return at;
}

bool javaopts_find(const char *options, const char *property, char value[PATH_MAX],
		   struct javaopts_place *place)
{
	char prefix[128], word[PATH_MAX + sizeof(prefix)];
	size_t at = strspn(options, SPACE);
	bool found = false;
	int prefix_len = snprintf(prefix, sizeof(prefix), "-D%s=", property);

	while (prefix_len > 0 && options[at] != '\0') {
		size_t len = read_word(options + at, word, sizeof(word));

		if (strncmp(word, prefix, (size_t)prefix_len) == 0) {
			found = snprintf(value, PATH_MAX, "%s", word + prefix_len) < PATH_MAX;
			*place = (struct javaopts_place){at, at + len};
		}
		at += len + strspn(options + at + len, SPACE);
	}
	return found;
}

const char *javaopts_effective(const char *property, char value[PATH_MAX])
{
	struct javaopts_place ignored;

	for (int i = JAVAOPTS_VARIABLES - 1; i >= 0; i--) {
		const char *options = getenv(javaopts_variable[i]);

		if (options != NULL && javaopts_find(options, property, value, &ignored))
			return javaopts_variable[i];
	}
	return NULL;
}

/* Appends value to to, with each white space and quote in quotes. */
static void put_quoted(FILE *to, const char *value)
{
	for (; *value != '\0'; value++) {
		if (strchr(SPACE "'", *value) != NULL)
			fprintf(to, "\"%c\"", *value);
		else if (*value == '"')
			fputs("'\"'", to);
		else
			putc(*value, to);
	}
}

char *javaopts_set(const char *options, const char *property, const char *value,
		   const struct javaopts_place *place)
{
	size_t start = place == NULL ? strlen(options) : place->start, size = 0;
	char *text = NULL;
	FILE *to = open_memstream(&text, &size);
	bool ok;

	if (to == NULL)
		return NULL;
	fwrite(options, 1, start, to);
	if (place == NULL && start > 0 && strchr(SPACE, options[start - 1]) == NULL)
		putc(' ', to);
	fprintf(to, "-D%s=", property);
	put_quoted(to, value);
	if (place != NULL)
		fputs(options + place->end, to);
	ok = ferror(to) == 0;
	if (fclose(to) == 0 && ok)
		return text;
	free(text);
	return NULL;
}
