/* SPDX-License-Identifier: Apache-2.0 */
#include "system/textfile.h"

#include "base/show.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

int textfile_read(const char *path, struct textfile *ret, struct reason *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *problem = NULL;
	char shown[SHOW_MAX];
	struct stat st;
	ssize_t got = 0;

	*ret = (struct textfile){NULL, 0};
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) != 0)
		problem = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		problem = "not a regular file";
	else if (st.st_size > FILE_MAX)
		problem = "it is larger than 1 MiB";
	else if ((ret->text = malloc(FILE_MAX + 1)) == NULL)
		problem = "out of memory";
	while (problem == NULL && ret->len < FILE_MAX &&
	       (got = read(fd, ret->text + ret->len, FILE_MAX - ret->len)) > 0)
		ret->len += (size_t)got;
	if (problem == NULL && got < 0)
		problem = strerror(errno);
	if (fd >= 0)
		close(fd);
	if (problem != NULL) {
		textfile_clear(ret);
		reason_set(why, "%s: %s", show_text(path, shown), problem);
		return -1;
	}
	ret->text[ret->len] = '\0';
	return 0;
}

void textfile_clear(struct textfile *f)
{
	free(f->text);
	*f = (struct textfile){NULL, 0};
}

int textfile_append(struct textfile *f, const char *lines)
{
	size_t len = strlen(lines), at = 0;
	bool is_open = f->len > 0 && f->text[f->len - 1] != '\n';
	char *text = malloc(f->len + len + 2);

	if (text == NULL)
		return -1;
	if (f->len > 0)
		memcpy(text, f->text, f->len);
	at = f->len;
	if (is_open)
		text[at++] = '\n';
	memcpy(text + at, lines, len);
	at += len - (is_open ? 1 : 0);
	text[at] = '\0';
	free(f->text);
	f->text = text;
	f->len = at;
	return 0;
}

void textfile_cut(struct textfile *f, size_t at, size_t len)
{
	bool is_open = at + len == f->len && len > 0 && f->text[f->len - 1] != '\n';

	if (is_open && at > 0) {
		at--;
		len++;
	}
	memmove(f->text + at, f->text + at + len, f->len - at - len + 1);
	f->len -= len;
}

bool textfile_find(const struct textfile *f, const char *line, size_t *at)
{
	size_t len = strlen(line);

	for (size_t i = 0; i < f->len; i++) {
		const char *end = memchr(f->text + i, '\n', f->len - i);
		size_t this = end == NULL ? f->len - i : (size_t)(end - f->text) - i;

		if (this == len && memcmp(f->text + i, line, len) == 0) {
			*at = i;
			return true;
		}
		i += this;
	}
	return false;
}
