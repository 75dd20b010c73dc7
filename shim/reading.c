/* SPDX-License-Identifier: Apache-2.0 */
#include "reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *reading_keep(struct reading *r, const void *data, size_t len)
{
	struct block *block = malloc(sizeof(*block) + len);

	if (block == NULL) {
		r->no_memory = true;
		return NULL;
	}
	block->next = r->blocks;
	r->blocks = block;
	return memcpy(block->data, data, len);
}

void *reading_grow(struct reading *r, void *array, size_t count, size_t *room, size_t size)
{
	void *bigger;

	if (count < *room)
		return array;
	/* No overflow: every caller has a bound of a few thousand. */
	bigger = realloc(array, (*room + *room / 2 + 16) * size);
	if (bigger == NULL) {
		r->no_memory = true;
		return NULL;
	}
	*room += *room / 2 + 16;
	return bigger;
}

void reading_add_problem(struct reading *r, enum trustdir_level level, const struct text *line)
{
	struct trustdir_problem *problems;
	const char *text;

	if (level == TRUSTDIR_ERROR)
		r->errors++;
	if (r->out.problem_count == TRUSTDIR_MAX_PROBLEMS) {
		r->out.problems_lost++;
		return;
	}
	problems = reading_grow(r, r->out.problem, r->out.problem_count, &r->problem_room,
				sizeof(*problems));
	if (problems == NULL)
		return;
	r->out.problem = problems;
	text = reading_keep(r, line->buf, line->len + 1);
	if (text != NULL)
		problems[r->out.problem_count++] = (struct trustdir_problem){level, text};
}

void reading_add_shown(struct text *line, const char *path)
{
	size_t len = strlen(path);

	text_add_n(line, path, len > PATH_SHOWN ? PATH_SHOWN : len);
	if (len > PATH_SHOWN)
		text_add(line, "...");
}

void reading_problem(struct reading *r, enum trustdir_level level, const char *path,
		     const char *reason)
{
	char buf[PATH_SHOWN + 256];
	struct text line = TEXT(buf);

	reading_add_shown(&line, path);
	text_add(&line, ": ");
	text_add(&line, reason);
	reading_add_problem(r, level, &line);
}

const char *reading_why(int error)
{
	switch (error) {
	case ENOENT:
		return "no such file or directory";
	case EACCES:
	case EPERM:
		return "permission denied";
	case ELOOP:
		return "too many levels of symbolic links";
	case ENOTDIR:
		return "not a directory";
	case ENXIO:
		return "not a regular file, skipped";
	case EMFILE:
	case ENFILE:
		return "too many open files";
	case EIO:
		return "input/output error";
	default:
		return "cannot be read";
	}
}
