/* SPDX-License-Identifier: Apache-2.0 */
#include "net/targets.h"

#include "base/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE = 2048 };

static int add(struct targets *t, const char *text, struct reason *why)
{
	char shown[SHOW_MAX];
	const char *wrong = t->count == TARGETS_MAX ? "there are too many of them"
						    : target_parse(text, &t->item[t->count]);

	if (wrong == NULL) {
		t->count++;
		return 0;
	}
	reason_set(why, "%s: %s", show_text(text, shown), wrong);
	return -1;
}

static char *trim(char *line)
{
	size_t len;

	line += strspn(line, " \t\r\n");
	len = strlen(line);
	while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL)
		line[--len] = '\0';
	return line;
}

static int add_lines(struct targets *t, FILE *from, struct reason *why)
{
	char line[MAX_LINE];

	while (fgets(line, sizeof(line), from) != NULL) {
		const char *text;

		if (strlen(line) == sizeof(line) - 1 && line[sizeof(line) - 2] != '\n') {
			reason_set(why, "standard input: a line is too long");
			return -1;
		}
		text = trim(line);
		if (text[0] != '\0' && text[0] != '#' && add(t, text, why) != 0)
			return -1;
	}
	if (ferror(from)) {
		reason_set(why, "standard input can't be read");
		return -1;
	}
	return 0;
}

int targets_read(char *const *args, int count, struct targets *ret, struct reason *why)
{
	struct targets t = {calloc(TARGETS_MAX, sizeof(struct target)), 0};
	int error = t.item == NULL ? -1 : 0;

	if (error != 0)
		reason_set(why, "out of memory");
	for (int i = 0; error == 0 && i < count; i++)
		error = strcmp(args[i], "-") == 0 ? add_lines(&t, stdin, why)
						  : add(&t, args[i], why);
	if (error == 0 && t.count == 0) {
		reason_set(why, "no target is named");
		error = -1;
	}
	if (error != 0) {
		targets_clear(&t);
		return -1;
	}
	*ret = t;
	return 0;
}

void targets_clear(struct targets *targets)
{
	free(targets->item);
	*targets = (struct targets){NULL, 0};
}
