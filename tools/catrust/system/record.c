/* SPDX-License-Identifier: Apache-2.0 */
#include "system/record.h"

#include "base/output.h"
#include "base/show.h"
#include "base/walk.h"
#include "system/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH RECORD_FOLDER "/enabled"

enum { TEXT_MAX = 64 << 10 };

static const char *const words[RECORD_KINDS] = {
	[RECORD_PRELOAD] = "preload", [RECORD_VARIABLES] = "variables", [RECORD_BLOCK] = "block",
	[RECORD_FILE] = "file",	      [RECORD_DIRECTORY] = "directory",
};

static int take_line(struct record *r, char *line)
{
	char *path = strchr(line, ' ');

	if (line[0] == '#' || line[0] == '\0')
		return 0;
	if (path != NULL)
		*path++ = '\0';
	for (int kind = 0; kind < RECORD_KINDS; kind++)
		if (strcmp(words[kind], line) == 0)
			return record_add(r, (enum record_kind)kind, path == NULL ? "" : path);
	return -1;
}

int record_read(struct record *ret, struct reason *why)
{
	struct textfile file;
	char *rest = NULL;
	int error = 0;

	*ret = (struct record){.count = 0};
	if (textfile_read(PATH, &file, why) != 0)
		return -1;
	for (char *line = file.text == NULL ? NULL : strtok_r(file.text, "\n", &rest);
	     line != NULL && error == 0; line = strtok_r(NULL, "\n", &rest))
		error = take_line(ret, line);
	textfile_clear(&file);
	if (error == 0)
		return 0;
	reason_set(why, PATH ": damaged: catrust did not write one of its lines. Remove by hand "
			     "what catrust status shows, and then this file");
	record_clear(ret);
	return -1;
}

void record_clear(struct record *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->item[i].path);
	r->count = 0;
}

const char *record_find(const struct record *r, enum record_kind kind)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->item[i].kind == kind)
			return r->item[i].path;
	return NULL;
}

bool record_has(const struct record *r, enum record_kind kind, const char *path)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->item[i].kind == kind && strcmp(r->item[i].path, path) == 0)
			return true;
	return false;
}

int record_add(struct record *r, enum record_kind kind, const char *path)
{
	char *copy;

	if (record_has(r, kind, path))
		return 0;
	copy = r->count == RECORD_MAX ? NULL : strdup(path);
	if (copy == NULL)
		return -1;
	r->item[r->count].kind = kind;
	r->item[r->count++].path = copy;
	return 0;
}

void record_remove(struct record *r, size_t i)
{
	free(r->item[i].path);
	r->count--;
	memmove(&r->item[i], &r->item[i + 1], (r->count - i) * sizeof(r->item[0]));
}

static int remove_all(struct reason *why)
{
	if (unlink(PATH) != 0 && errno != ENOENT) {
		reason_set(why, PATH ": %s", strerror(errno));
		return -1;
	}
	/* Succeeds only if it is empty. */
	(void)rmdir(RECORD_FOLDER);
	return 0;
}

int record_write(const struct record *r, struct reason *why)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to;
	int dir, error;

	if (r->count == 0)
		return remove_all(why);
	dir = walk_directory(RECORD_FOLDER, true);
	if (dir < 0) {
		reason_set(why, RECORD_FOLDER ": %s", strerror(-dir));
		return -1;
	}
	close(dir);
	to = open_memstream(&text, &len);
	if (to == NULL) {
		reason_set(why, "out of memory");
		return -1;
	}
	fputs("# What catrust enable has done. catrust disable undoes it.\n", to);
	for (size_t i = 0; i < r->count; i++)
		fprintf(to, "%s%s%s\n", words[r->item[i].kind],
			r->item[i].path[0] == '\0' ? "" : " ", r->item[i].path);
	error = fclose(to) != 0 ? -1 : output_file(PATH, text, len, false, why);
	free(text);
	return error;
}

int record_folder(struct record *r, const char *path, struct reason *why)
{
	char folder[PATH_MAX], shown[SHOW_MAX];
	struct stat st;
	int error;

	for (const char *slash = strchr(path + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		if (snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path) >= PATH_MAX)
			break; /* then the file can't be created either */
		/* The record's own folder comes and goes with the record. */
		if (stat(folder, &st) == 0)
			continue;
		if (strcmp(folder, RECORD_FOLDER) != 0 &&
		    record_add(r, RECORD_DIRECTORY, folder) != 0) {
			reason_set(why, "out of memory");
			return -1;
		}
		if (record_write(r, why) != 0)
			return -1;
		error = walk_make(AT_FDCWD, folder, 0755);
		if (error != 0 && error != -EEXIST) {
			reason_set(why, "%s: %s", show_text(folder, shown), strerror(-error));
			return -1;
		}
	}
	return 0;
}
