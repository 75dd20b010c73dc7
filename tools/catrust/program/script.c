/* SPDX-License-Identifier: Apache-2.0 */
#include "program/script.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 512, WORD_MAX = 256 };

/* The next word of *at, without env -S's quotes, or "" at the end. */
static void next_word(const char **at, char word[WORD_MAX])
{
	size_t len;

	*at += strspn(*at, " \t'\"");
	len = strcspn(*at, " \t'\"");
	snprintf(word, WORD_MAX, "%.*s", (int)(len < WORD_MAX ? len : WORD_MAX - 1), *at);
	*at += len;
}

/* What env runs. A #! line gives env several arguments only with -S; this assumes -S always. */
static enum script_kind read_env(const char *arguments, char name[PATH_MAX])
{
	enum script_kind kind = SCRIPT_ON_PATH;
	char word[WORD_MAX];

	for (;;) {
		next_word(&arguments, word);
		if (word[0] == '\0')
			return SCRIPT_BROKEN;
		if (strcmp(word, "-i") == 0 || strcmp(word, "-") == 0 ||
		    strcmp(word, "--ignore-environment") == 0) {
			kind = SCRIPT_CLEARED;
		} else if (strcmp(word, "-u") == 0 || strcmp(word, "-C") == 0) {
			next_word(&arguments, word);
		} else if (strncmp(word, "-S", 2) == 0 && word[2] != '\0') {
			snprintf(name, PATH_MAX, "%s", word + 2);
			return kind;
		} else if (word[0] != '-' && strchr(word, '=') == NULL) {
			snprintf(name, PATH_MAX, "%s", word);
			return kind;
		}
	}
}

enum script_kind script_of(const char *bytes, size_t len, char name[PATH_MAX])
{
	char line[LINE_MAX_BYTES], word[WORD_MAX];
	const char *at = line, *slash;
	size_t line_len;

	if (len < 2 || bytes[0] != '#' || bytes[1] != '!')
		return SCRIPT_NONE;
	len = len - 2 < sizeof(line) - 1 ? len - 2 : sizeof(line) - 1;
	memcpy(line, bytes + 2, len);
	line[len] = '\0';
	line_len = strcspn(line, "\r\n");
	line[line_len] = '\0';
	next_word(&at, word);
	if (word[0] == '\0')
		return SCRIPT_BROKEN;
	slash = strrchr(word, '/');
	if (slash != NULL && strcmp(slash + 1, "env") == 0)
		return read_env(at, name);
	snprintf(name, PATH_MAX, "%s", word);
	return SCRIPT_PROGRAM;
}

static bool is_executable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

bool script_find(const char *name, const char *path, char ret[PATH_MAX])
{
	int len;

	if (strchr(name, '/') != NULL) {
		len = snprintf(ret, PATH_MAX, "%s", name);
		return len > 0 && len < PATH_MAX && is_executable(ret);
	}
	for (; name[0] != '\0'; path++) {
		size_t part = strcspn(path, ":");

		len = snprintf(ret, PATH_MAX, "%.*s/%s", part == 0 ? 1 : (int)part,
			       part == 0 ? "." : path, name);
		if (len > 0 && len < PATH_MAX && is_executable(ret))
			return true;
		path += part;
		if (*path == '\0')
			break;
	}
	return false;
}
