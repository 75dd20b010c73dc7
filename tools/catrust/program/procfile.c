/* SPDX-License-Identifier: Apache-2.0 */
#include "program/procfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_MAX = 16 << 20, FIRST = 16 << 10 };

/* Reads a number and moves behind it; false if there is none. */
static bool number(char **text, int base, char until, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(*text, &end, base);
	if (end == *text || errno != 0 || *end != until)
		return false;
	*text = end + 1;
	return true;
}

/* Reads the next word, and cuts the text after it. */
static char *word(char **text)
{
	char *start = *text, *end = strchr(start, ' ');

	if (end == NULL)
		return NULL;
	*end = '\0';
	*text = end + 1;
	return start;
}

bool procfile_take_mark(char *path)
{
	static const char mark[] = " (deleted)";
	size_t len = strlen(path);

	if (len < sizeof(mark) || strcmp(path + len - (sizeof(mark) - 1), mark) != 0)
		return false;
	path[len - (sizeof(mark) - 1)] = '\0';
	return true;
}

/* 7f1a2000-7f1a4000 r-xp 00001000 fd:00 1234       /usr/lib/libc.so.6 */
bool procfile_mapping(char *line, struct procfile_mapping *ret)
{
	char *at = line, *permissions;

	if (!number(&at, 16, '-', &ret->start) || !number(&at, 16, ' ', &ret->end) ||
	    ret->start >= ret->end)
		return false;
	permissions = word(&at);
	if (permissions == NULL || strlen(permissions) != 4 || word(&at) == NULL)
		return false;
	ret->is_code = permissions[2] == 'x';
	ret->device = word(&at);
	if (ret->device == NULL)
		return false;
	/* If the mapping has no file, the line may end with the inode, which is 0. */
	ret->inode = strtoull(at, &at, 10);
	at += strspn(at, " ");
	ret->is_deleted = procfile_take_mark(at);
	ret->path = at;
	return true;
}

char *procfile_read(pid_t pid, const char *name, size_t *ret_len)
{
	char path[64], *buf = NULL;
	size_t size = FIRST, len = 0;
	ssize_t got = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return NULL;
	do {
		if (buf == NULL || len + 1 == size) {
			char *more = NULL;

			size *= buf == NULL ? 1 : 2;
			if (size <= READ_MAX)
				more = realloc(buf, size);
			if (more == NULL) {
				got = -1;
				break;
			}
			buf = more;
		}
		got = read(fd, buf + len, size - len - 1);
		if (got > 0)
			len += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	close(fd);
	if (got < 0) {
		free(buf);
		return NULL;
	}
	buf[len] = '\0';
	*ret_len = len;
	return buf;
}

uint64_t procfile_aux(const char *auxv, size_t len, uint64_t type)
{
	uint64_t pair[2];

	for (size_t at = 0; at + sizeof(pair) <= len; at += sizeof(pair)) {
		memcpy(pair, auxv + at, sizeof(pair));
		if (pair[0] == type)
			return pair[1];
	}
	return 0;
}

long procfile_status_of(pid_t pid, const char *name)
{
	size_t len;
	char *status = procfile_read(pid, "status", &len);
	long value = status == NULL ? -1 : procfile_status(status, name);

	free(status);
	return value;
}

long procfile_status(const char *status, const char *name)
{
	const char *line = status;
	size_t len = strlen(name);

	while (line != NULL) {
		char *end;
		long value;

		if (strncmp(line, name, len) == 0) {
			value = strtol(line + len, &end, 10);
			return end == line + len ? -1 : value;
		}
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	return -1;
}

/* The name in parentheses may contain anything, so counts the fields after the last parenthesis. */
const char *procfile_field(const char *stat, int number)
{
	enum { STATE = 3 };
	const char *at = strrchr(stat, ')');

	if (at == NULL || at[1] != ' ')
		return NULL;
	at += 2;
	for (int field = STATE; field < number; field++) {
		at = strchr(at, ' ');
		if (at == NULL)
			return NULL;
		at++;
	}
	return at;
}

bool procfile_start(const char *stat, unsigned long long *ret)
{
	enum { START = 22 };
	const char *at = procfile_field(stat, START);
	char *end;

	if (at == NULL)
		return false;
	*ret = strtoull(at, &end, 10);
	return end != at;
}

const char *procfile_variable(const char *environ_text, size_t len, const char *name)
{
	size_t name_len = strlen(name);

	for (size_t at = 0; at < len; at += strlen(environ_text + at) + 1)
		if (strncmp(environ_text + at, name, name_len) == 0 &&
		    environ_text[at + name_len] == '=')
			return environ_text + at + name_len + 1;
	return NULL;
}
