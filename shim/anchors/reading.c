/* SPDX-License-Identifier: Apache-2.0 */
#include "anchors/reading.h"

#include "anchors/owner.h"
#include "libc/compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct block {
	struct block *next;
	max_align_t data[];
};

static void *new_block(struct arena *arena, size_t len)
{
	struct block *block = malloc(sizeof(*block) + len);

	if (block == NULL) {
		arena->no_memory = true;
		return NULL;
	}
	block->next = arena->blocks;
	arena->blocks = block;
	return block->data;
}

void *arena_keep(struct arena *arena, const void *data, size_t len)
{
	void *copy = new_block(arena, len);

	return copy == NULL ? NULL : memcpy(copy, data, len);
}

void *arena_add(struct arena *arena, void *array, size_t *count, size_t size, const void *item)
{
	enum { FIRST = 16 };
	bool is_full = *count == 0 || (*count >= FIRST && (*count & (*count - 1)) == 0);
	char *all = array;

	/* No overflow: every caller has a limit of about fifty thousand. */
	if (is_full)
		all = new_block(arena, (*count == 0 ? FIRST : 2 * *count) * size);
	if (all == NULL || arena->no_memory)
		return array;
	if (is_full && *count > 0)
		memcpy(all, array, *count * size);
	memcpy(all + (*count)++ * size, item, size);
	return all;
}

void arena_free(struct arena *arena)
{
	while (arena->blocks != NULL) {
		struct block *next = arena->blocks->next;

		free(arena->blocks);
		arena->blocks = next;
	}
}

const char *reading_line(struct arena *arena, const char *path, const char *place, size_t at,
			 const char *reason)
{
	enum { PATH_SHOWN = 900 };
	char buf[PATH_SHOWN + 256];
	struct text line = TEXT(buf);
	size_t len = strlen(path);

	text_add_n(&line, path, len > PATH_SHOWN ? PATH_SHOWN : len);
	text_add(&line, len > PATH_SHOWN ? "...: " : ": ");
	if (place != NULL) {
		text_add(&line, place);
		text_add_uint(&line, at);
		text_add(&line, ": ");
	}
	text_add(&line, reason);
	return arena_keep(arena, buf, line.len + 1);
}

/* Is there room for one more line? If not, it is counted. */
static bool has_room(struct reading *r)
{
	if (r->out.problem_count < TRUSTDIR_MAX_PROBLEMS)
		return true;
	r->out.problems_lost++;
	return false;
}

/* For a problem for which has_room() was true; the caller keeps text. */
static void add_problem(struct reading *r, enum trustdir_level level, const char *text)
{
	const struct trustdir_problem problem = {level, text};

	r->out.problem = arena_add(&r->memory, r->out.problem, &r->out.problem_count,
				   sizeof(problem), &problem);
}

void reading_problem(struct reading *r, enum trustdir_level level, const char *path,
		     const char *reason)
{
	if (has_room(r))
		add_problem(r, level, reading_line(&r->memory, path, NULL, 0, reason));
}

void trust_file_leave(struct trust_file *f)
{
	if (f == NULL || atomic_fetch_sub(&f->users, 1) != 1)
		return;
	arena_free(&f->memory);
	free(f);
}

void reading_refused(struct reading *r, const char *path, const char *reason)
{
	const char *copy;

	reading_problem(r, TRUSTDIR_ERROR, path, reason);
	if (r->before == NULL)
		return;
	copy = arena_keep(&r->memory, path, strlen(path) + 1);
	r->refused = arena_add(&r->memory, r->refused, &r->refused_count, sizeof(copy), &copy);
}

void reading_hold(struct reading *r, struct held held)
{
	const struct trust_file *f = held.file;

	r->held = arena_add(&r->memory, r->held, &r->held_count, sizeof(held), &held);
	if (r->memory.no_memory)
		return;
	atomic_fetch_add(&held.file->users, 1);
	if (held.missed > 0)
		return;
	for (size_t i = 0; i < f->problem_count; i++)
		if (has_room(r))
			add_problem(r, f->problem[i].level, f->problem[i].text);
	r->out.problems_lost += f->problems_lost;
}

static bool is_at_or_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	return strncmp(path, top, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/*
 * Must the certificates that were read before from a path stop counting? st: how it looks now;
 * NULL: it is not there.
 */
static bool is_refused(const struct reading *r, const char *path, const struct stat *st)
{
	if (st != NULL && !r->sources->allow_writable &&
	    owner_mistrust_entry(st, r->sources->user) != NULL)
		return true;
	for (size_t i = 0; i < r->refused_count; i++)
		if (is_at_or_below(path, r->refused[i]))
			return true;
	return false;
}

bool reading_keep(struct reading *r, const struct held *held, bool absent)
{
	enum { MISSED_MAX = 16, MISSED_MS = 60000, HELD_MAX = 2 * TRUSTDIR_MAX_FILES };
	const char *path = held->file->seen.path;
	struct held kept = *held;
	struct stat st;
	int error = compat_stat(path, &st) == 0 ? 0 : errno;

	if (error == EACCES || is_refused(r, path, error == 0 ? &st : NULL))
		return false;
	if (kept.missed == 0 && (absent || watch_is_missing(error))) {
		kept.missed = 1;
		kept.since = r->now;
	} else if (kept.missed > 0 && !r->again) {
		kept.missed++;
	}
	if (kept.missed > MISSED_MAX || r->held_count >= HELD_MAX ||
	    (kept.missed > 0 && r->now - kept.since > MISSED_MS))
		return false;
	reading_hold(r, kept);
	return true;
}

/* Did the reading before have certificates from a path, or report that they were lost? */
static bool had(const struct reading *before, const char *path)
{
	for (size_t i = 0; before != NULL && i < before->held_count; i++)
		if (before->held[i].file->count > 0 &&
		    is_at_or_below(before->held[i].file->seen.path, path))
			return true;
	for (size_t i = 0; before != NULL && i < before->watch_count; i++)
		if (before->watch[i].lost && strcmp(before->watch[i].path, path) == 0)
			return true;
	return false;
}

/* The text for an errno. */
static const char *text_of(int error)
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

void reading_failed(struct reading *r, const char *path, int error, bool normal)
{
	const struct reading *before = r->before;
	bool passing = watch_is_passing(error), lost = error == EACCES && had(before, path);
	bool kept = false;
	const char *reason = lost ? "permission denied, so its certificates are no longer trusted: "
				    "let the user that the program runs as read it"
				  : text_of(error);

	watch_path(r, path, lost);
	for (size_t i = 0; passing && before != NULL && i < before->held_count; i++) {
		const struct held *held = &before->held[i];

		if (is_at_or_below(held->file->seen.path, path))
			kept = reading_keep(r, held, false) || kept;
	}
	/* It may be a file that was trusted under another name. */
	r->doubtful = r->doubtful || (passing && !kept);
	r->out.unsteady = r->out.unsteady || passing;
	if (lost)
		reading_refused(r, path, reason);
	else
		reading_problem(r, normal || kept ? TRUSTDIR_INFO : TRUSTDIR_ERROR, path, reason);
}

void reading_free(struct reading *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->held_count; i++)
		trust_file_leave(r->held[i].file);
	arena_free(&r->memory);
	free(r);
}
