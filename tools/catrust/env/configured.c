/* SPDX-License-Identifier: Apache-2.0 */
#include "env/configured.h"

#include "program/capture.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINES_MAX = 20000, LINE_BYTES = 4096 };

static void count_line(void *arg, char *text)
{
	size_t *lines = arg;

	*lines += text[0] != '\0';
}

bool configured_git(void)
{
	static char git[] = "git", config[] = "config", get[] = "--get-regexp",
		    pattern[] = "^http\\.(.*\\.)?sslcainfo$";
	char *argv[] = {git, config, get, pattern, NULL};
	size_t lines = 0;

	return capture_run(argv, NULL, count_line, &lines) == 0 && lines > 0;
}

static bool is_word(char c)
{
	static const char more[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	return c != '\0' && strchr(more, c) != NULL;
}

bool configured_line(const char *line, const char *key)
{
	size_t comment = strcspn(line, "#;"), len = strlen(key);

	for (const char *at = line; (at = strstr(at, key)) != NULL; at += len) {
		const char *behind = at + len;

		if ((size_t)(at - line) > comment)
			return false;
		if ((at > line && is_word(at[-1])) || is_word(*behind))
			continue;
		behind += strspn(behind, "\"' \t");
		if (*behind == '=')
			return true;
	}
	return false;
}

/* In any section. If the key is meant for something else, a variable is not set; no trust is
 * gained. */
static bool file_sets(const char *path, const char *key)
{
	char line[LINE_BYTES];
	bool found = false;
	struct stat st;
	FILE *f;

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	for (int i = 0; !found && i < LINES_MAX && fgets(line, sizeof(line), f) != NULL; i++)
		found = configured_line(line, key);
	fclose(f);
	return found;
}

static bool folder_sets(const char *folder, const char *below)
{
	static const char *const names[] = {"config.toml", "config"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		int len = snprintf(path, sizeof(path), "%s/%s%s", folder, below, names[i]);

		if (len > 0 && len < PATH_MAX && file_sets(path, "cainfo"))
			return true;
	}
	return false;
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value == NULL || value[0] == '\0' ? NULL : value;
}

bool configured_cargo(void)
{
	const char *own = variable("CARGO_HOME"), *home = variable("HOME");
	char folder[PATH_MAX], *slash;

	if (own != NULL ? folder_sets(own, "") : home != NULL && folder_sets(home, ".cargo/"))
		return true;
	if (getcwd(folder, sizeof(folder)) == NULL)
		return false;
	while ((slash = strrchr(folder, '/')) != NULL) {
		if (folder_sets(folder, ".cargo/"))
			return true;
		*slash = '\0';
	}
	return folder_sets("", ".cargo/");
}

bool configured_aws(void)
{
	const char *own = variable("AWS_CONFIG_FILE"), *home = variable("HOME");
	char path[PATH_MAX];
	int len;

	if (own != NULL)
		return file_sets(own, "ca_bundle");
	len = home == NULL ? -1 : snprintf(path, sizeof(path), "%s/.aws/config", home);
	return len > 0 && len < PATH_MAX && file_sets(path, "ca_bundle");
}
