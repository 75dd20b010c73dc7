/* SPDX-License-Identifier: Apache-2.0 */
#include "env/envprint.h"

#include "base/escape.h"

#include <string.h>

static const char *const names[] = {
	[ENVPRINT_SH] = "sh",
	[ENVPRINT_DOCKER] = "docker",
	[ENVPRINT_SYSTEMD] = "systemd",
	[ENVPRINT_KUBERNETES] = "kubernetes",
};

bool envprint_by_name(const char *name, enum envprint_format *ret)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(names[i], name) == 0) {
			*ret = (enum envprint_format)i;
			return true;
		}
	return false;
}

bool envprint_name_ok(const char *name, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	static const char digits[] = "0123456789";

	for (size_t i = 0; i < len; i++)
		if (name[i] == '\0' || (strchr(letters, name[i]) == NULL &&
					(i == 0 || strchr(digits, name[i]) == NULL)))
			return false;
	return len > 0;
}

static void print_sh(FILE *to, const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value == '\'')
			fputs("'\\''", to);
		else
			putc(*value, to);
	}
}

/* systemd.syntax(7), systemd.unit(5): escapes like in C, and specifiers that start with %. */
static void print_systemd(FILE *to, const char *value)
{
	for (; *value != '\0'; value++) {
		unsigned char c = (unsigned char)*value;

		if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else if (c == '%')
			fputs("%%", to);
		else if (c < 0x20 || c == 0x7f)
			fprintf(to, "\\x%02x", c);
		else
			putc(c, to);
	}
}

static bool is_utf8(const char *text)
{
	while (*text != '\0') {
		size_t len = escape_utf8_length(text);

		if (len == 0)
			return false;
		text += len;
	}
	return true;
}

/* A double-quoted scalar of YAML. The API server expands $(NAME), and reads $$ as a dollar sign. */
static void print_yaml(FILE *to, const char *value)
{
	for (size_t len; *value != '\0'; value += len) {
		unsigned long code;

		len = escape_utf8_length(value);
		if (*value == '"' || *value == '\\')
			fprintf(to, "\\%c", *value);
		else if (*value == '$')
			fputs("$$", to);
		else if (escape_is_hidden(value, len, &code))
			fprintf(to, "\\U%08lx", code);
		else
			fwrite(value, 1, len, to);
	}
}

bool envprint(FILE *to, enum envprint_format format, const char *name, const char *value)
{
	switch (format) {
	case ENVPRINT_SH:
		fprintf(to, "export %s='", name);
		print_sh(to, value);
		fputs("'\n", to);
		return true;
	case ENVPRINT_DOCKER:
		/* The file has no quotes and no escapes: the value is the rest of the line. */
		if (strpbrk(value, "\n\r") != NULL)
			return false;
		fprintf(to, "%s=%s\n", name, value);
		return true;
	case ENVPRINT_SYSTEMD:
		fprintf(to, "Environment=\"%s=", name);
		print_systemd(to, value);
		fputs("\"\n", to);
		return true;
	case ENVPRINT_KUBERNETES:
		if (!is_utf8(value))
			return false;
		fprintf(to, "- name: %s\n  value: \"", name);
		print_yaml(to, value);
		fputs("\"\n", to);
		return true;
	}
	return false;
}
