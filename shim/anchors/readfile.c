/* SPDX-License-Identifier: Apache-2.0 */
#include "anchors/reading.h"

#include "anchors/owner.h"
#include "libc/compat.h"
#include "libc/io.h"
#include "x509/certfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool file_cert(void *arg, const unsigned char *der, size_t len, struct certfile_place place)
{
	struct trust_file *f = arg;
	const struct file_cert cert = {arena_keep(&f->memory, der, len), len,
				       place.is_line ? place.at : 0};

	f->cert = arena_add(&f->memory, f->cert, &f->count, sizeof(cert), &cert);
	return !f->memory.no_memory;
}

static void add_problem(struct trust_file *f, enum trustdir_level level, const char *place,
			size_t at, const char *reason)
{
	struct trustdir_problem problem = {.level = level};

	if (f->problem_count == TRUSTDIR_MAX_PROBLEMS) {
		f->problems_lost++;
		return;
	}
	problem.text = reading_line(&f->memory, f->seen.path, place, at, reason);
	f->problem =
		arena_add(&f->memory, f->problem, &f->problem_count, sizeof(problem), &problem);
}

/*
 * Only the first problem of a file is shown at error level; otherwise a damaged bundle would fill
 * the screen.
 */
static void file_problem(void *arg, struct certfile_place place, const char *reason)
{
	struct trust_file *f = arg;

	const char *unit = place.is_line ? "line " : place.at > 0 ? "byte " : NULL; /* the file */

	add_problem(f, f->problem_count == 0 ? TRUSTDIR_ERROR : TRUSTDIR_INFO, unit, place.at,
		    reason);
}

static struct trust_file *make_file(const struct reading *r, const struct stat *st,
				    const char *path)
{
	struct trust_file *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	atomic_init(&f->users, 1);
	if (r->scope != NULL)
		f->scope = arena_keep(&f->memory, r->scope, sizeof(*r->scope));
	if (st != NULL)
		f->seen = watch_of(NULL, st);
	f->seen.path = arena_keep(&f->memory, path, strlen(path) + 1);
	return f;
}

void readfile_parse(struct reading *r, const struct stat *st, const char *path,
		    const unsigned char *data, size_t len)
{
	struct trust_file *f = make_file(r, st, path);
	const struct certfile_sink sink = {file_cert, file_problem, f};

	if (f != NULL && f->seen.path != NULL) {
		int error = certfile_parse(data, len, &sink);

		if (error == -E2BIG) {
			f->count = f->problem_count = 0;
			add_problem(f, TRUSTDIR_ERROR, NULL, 0,
				    "skipped, because it has more than 4096 certificates");
		} else if (error < 0) {
			f->memory.no_memory = true;
		}
	}
	if (f == NULL || f->memory.no_memory)
		r->memory.no_memory = true;
	else
		reading_hold(r, (struct held){.file = f});
	trust_file_leave(f);
}

static bool has_scope(const struct trust_file *f, const struct scope *scope)
{
	return scope == NULL ? f->scope == NULL : f->scope != NULL && scope_equal(f->scope, scope);
}

/*
 * Is there room for one more file, of that size? The first file for which there is none is
 * reported.
 */
static bool has_room(struct reading *r, const char *path, off_t size)
{
	if (r->files > TRUSTDIR_MAX_FILES)
		return false;
	if (r->files < TRUSTDIR_MAX_FILES && (size_t)size <= TRUSTDIR_MAX_BYTES - r->bytes) {
		r->files++;
		r->bytes += (size_t)size;
		return true;
	}
	reading_problem(r, TRUSTDIR_ERROR, path,
			r->files == TRUSTDIR_MAX_FILES
				? "skipped, like all files after the first 1000"
				: "skipped, like all files after the first 64 MiB");
	r->files = TRUSTDIR_MAX_FILES + 1;
	return false;
}

bool readfile_again(struct reading *r, const struct stat *st, const char *path)
{
	size_t count = r->before == NULL ? 0 : r->before->held_count;

	for (size_t i = 0; i < count; i++) {
		/* Both are in the order of names, so it is most likely in the same place. */
		const struct held *held = &r->before->held[(r->held_count + i) % count];

		if (held->missed > 0 || !watch_is_settled_as(&held->file->seen, st) ||
		    !has_scope(held->file, r->scope) || strcmp(held->file->seen.path, path) != 0)
			continue;
		if (has_room(r, path, st->st_size)) {
			watch_add(r, path, st);
			reading_hold(r, (struct held){.file = held->file});
		}
		return true;
	}
	return false;
}

static const char too_large[] = "skipped, because it is larger than 8 MiB";

/* Why a file is not used, before its content is read; or NULL. */
static const char *against(const struct reading *r, int fd, const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "not a regular file, skipped";
	if (st->st_size > TRUSTDIR_MAX_FILE)
		return too_large;
	return r->sources->allow_writable ? NULL
					  : owner_mistrust(fd, st, r->sources->user, r->system);
}

void readfile(struct reading *r, int fd, const struct stat *st, const char *path)
{
	const char *reason = against(r, fd, st);
	unsigned char *data = NULL;
	size_t len = 0;
	int error;

	if (reason != NULL) {
		watch_add(r, path, st);
		reading_refused(r, path, reason);
		goto out;
	}
	if (!has_room(r, path, st->st_size))
		goto out;
	error = io_read_file(fd, (size_t)st->st_size, TRUSTDIR_MAX_FILE, &data, &len);
	if (error == 0 || error == -EFBIG)
		watch_add(r, path, st);
	if (error == 0)
		readfile_parse(r, st, path, data, len);
	else if (error == -EFBIG)
		reading_problem(r, TRUSTDIR_ERROR, path, too_large);
	else
		reading_failed(r, path, -error, false);
out:
	free(data);
	close(fd);
}
