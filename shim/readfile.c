/* SPDX-License-Identifier: Apache-2.0 */
#include "readfile.h"

#include "certfile.h"
#include "compat.h"
#include "owner.h"
#include "watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One file on its way through certfile_parse(). */
struct file {
	struct reading *reading;
	const char *path;
	size_t problems; /* told so far */
	bool full;
	bool has_lost_scope;
};

static struct anchor *find_anchor(const struct anchors *a, const unsigned char *der, size_t len)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->anchor[i].der_len == len && memcmp(a->anchor[i].der, der, len) == 0)
			return &a->anchor[i];
	return NULL;
}

static bool has_scope(const struct anchor *a, const struct scope *scope)
{
	for (const struct scope_list *l = a->scopes; l != NULL; l = l->next)
		if (scope_equal(&l->scope, scope))
			return true;
	return false;
}

/* One more directory has the certificate: scopes add up, and no scope is all of them. */
static bool widen(struct file *f, struct anchor *a)
{
	const struct scope_list more = {.next = a->scopes};
	struct reading *r = f->reading;
	struct scope_list *kept;
	size_t count = 0;

	if (a->scopes == NULL || r->scope == NULL) {
		a->scopes = NULL;
		return true;
	}
	if (has_scope(a, r->scope))
		return true;
	for (const struct scope_list *l = a->scopes; l != NULL; l = l->next)
		count++;
	if (count == TRUSTDIR_MAX_SCOPES) {
		f->has_lost_scope = true;
		return true;
	}
	kept = reading_keep(r, &more, sizeof(more));
	if (kept == NULL)
		return false;
	kept->scope = *r->scope;
	a->scopes = kept;
	return true;
}

/* One more file has the certificate; a second time in the same file is no matter. */
static bool note_copy(struct reading *r, struct anchor *a, const char *file)
{
	const struct anchor_copy copy = {file, a->copies};
	const char *last = a->copies == NULL ? a->file : a->copies->file;

	if (strcmp(last, file) == 0 || r->copies == TRUSTDIR_MAX_ANCHORS)
		return true;
	a->copies = reading_keep(r, &copy, sizeof(copy));
	r->copies++;
	return a->copies != NULL;
}

static bool same_scopes(const struct anchor *a, const struct anchor *b)
{
	if ((a->scopes == NULL) != (b->scopes == NULL))
		return false;
	for (const struct scope_list *l = a->scopes; l != NULL; l = l->next)
		if (!has_scope(b, &l->scope))
			return false;
	for (const struct scope_list *l = b->scopes; l != NULL; l = l->next)
		if (!has_scope(a, &l->scope))
			return false;
	return true;
}

bool trustdir_same(const struct anchors *a, const struct anchors *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct anchor *other = find_anchor(b, a->anchor[i].der, a->anchor[i].der_len);

		if (other == NULL || !same_scopes(&a->anchor[i], other))
			return false;
	}
	return true;
}

static bool file_cert(void *arg, const unsigned char *der, size_t len, struct certfile_place place)
{
	struct file *f = arg;
	struct reading *r = f->reading;
	struct anchor *anchors = find_anchor(&r->out, der, len);
	const unsigned char *copy;

	if (anchors != NULL)
		return widen(f, anchors) && note_copy(r, anchors, f->path);
	if (r->out.count == TRUSTDIR_MAX_ANCHORS) {
		f->full = true;
		return true;
	}
	anchors = reading_grow(r, r->out.anchor, r->out.count, &r->anchor_room, sizeof(*anchors));
	if (anchors == NULL)
		return false;
	r->out.anchor = anchors;
	copy = reading_keep(r, der, len);
	if (copy == NULL)
		return false;
	anchors[r->out.count] = (struct anchor){
		.der = copy, .der_len = len, .file = f->path, .line = place.is_line ? place.at : 0};
	if (r->scope != NULL) {
		struct scope_list *only =
			reading_keep(r, &(struct scope_list){.next = NULL}, sizeof(*only));

		if (only == NULL)
			return false;
		only->scope = *r->scope;
		anchors[r->out.count].scopes = only;
	}
	r->out.count++;
	return true;
}

/* The first problem of a file is for the user; a torn bundle would otherwise fill the screen. */
static void file_problem(void *arg, struct certfile_place place, const char *reason)
{
	struct file *f = arg;
	char buf[PATH_SHOWN + 256];
	struct text line = TEXT(buf);

	reading_add_shown(&line, f->path);
	text_add(&line, place.is_line ? ": line " : ": byte ");
	text_add_uint(&line, place.at);
	text_add(&line, ": ");
	text_add(&line, reason);
	reading_add_problem(f->reading, f->problems++ == 0 ? TRUSTDIR_ERROR : TRUSTDIR_INFO, &line);
}

static bool no_cert(void *arg, const unsigned char *der, size_t len, struct certfile_place place)
{
	(void)arg;
	(void)der;
	(void)len;
	(void)place;
	return true;
}

static void no_problem(void *arg, struct certfile_place place, const char *reason)
{
	(void)arg;
	(void)place;
	(void)reason;
}

void readfile_parse(struct reading *r, const char *path, const unsigned char *data, size_t len)
{
	static const struct certfile_sink dry = {no_cert, no_problem, NULL};
	struct file f = {.reading = r, .path = reading_keep(r, path, strlen(path) + 1)};
	struct certfile_sink sink = {file_cert, file_problem, &f};

	if (f.path == NULL)
		return;
	/* A file that is refused must not have widened the scope of an anchor. */
	if (certfile_parse(data, len, &dry) == -E2BIG) {
		reading_problem(r, TRUSTDIR_ERROR, path,
				"skipped, since it has more than 1000 certificates");
		return;
	}
	certfile_parse(data, len, &sink);
	if (f.full) {
		reading_problem(r, TRUSTDIR_ERROR, path,
				"certificates beyond the first 4096 of all files are ignored");
	}
	if (f.has_lost_scope) {
		reading_problem(r, TRUSTDIR_ERROR, path,
				"a certificate in it has 64 scopes already, and gets no more");
	}
}

/* Reads to the end of the file, at most TRUSTDIR_MAX_FILE bytes. 0 or a negative errno. */
static int read_all(int fd, size_t expected, unsigned char **ret, size_t *ret_len)
{
	size_t room = expected + 1, len = 0;
	unsigned char *data = NULL;

	for (;;) {
		ssize_t got;

		if (data == NULL || len == room) {
			unsigned char *bigger;

			if (data != NULL)
				room += room / 2 + 4096;
			if (room > TRUSTDIR_MAX_FILE + 1)
				room = TRUSTDIR_MAX_FILE + 1;
			bigger = realloc(data, room);
			if (bigger == NULL) {
				free(data);
				return -ENOMEM;
			}
			data = bigger;
		}
		got = read(fd, data + len, room - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || len + (size_t)got > TRUSTDIR_MAX_FILE) {
			int error = got < 0 ? -errno : -EFBIG;

			free(data);
			return error;
		}
		if (got == 0)
			break;
		len += (size_t)got;
	}
	*ret = data;
	*ret_len = len;
	return 0;
}

/* fd: an open file, closed here. */
void readfile(struct reading *r, int fd, const struct stat *st, const char *path)
{
	unsigned char *data = NULL;
	size_t len = 0;
	const char *reason;
	int error;

	watch_add(r, path, st);
	if (!S_ISREG(st->st_mode)) {
		reading_problem(r, TRUSTDIR_ERROR, path, "not a regular file, skipped");
		goto out;
	}
	reason = r->sources->allow_writable ? NULL : owner_mistrust(fd, st);
	if (reason != NULL) {
		reading_problem(r, TRUSTDIR_ERROR, path, reason);
		goto out;
	}
	if (st->st_size > TRUSTDIR_MAX_FILE) {
		reading_problem(r, TRUSTDIR_ERROR, path, "skipped, since it is larger than 8 MiB");
		goto out;
	}
	if (r->files == TRUSTDIR_MAX_FILES) {
		reading_problem(r, TRUSTDIR_ERROR, path,
				"skipped, as are all files after the first 1000");
		r->files++;
		goto out;
	}
	if (r->files++ > TRUSTDIR_MAX_FILES)
		goto out;
	error = read_all(fd, (size_t)st->st_size, &data, &len);
	if (error == -ENOMEM)
		r->no_memory = true;
	else if (error == -EFBIG)
		reading_problem(r, TRUSTDIR_ERROR, path, "skipped, since it is larger than 8 MiB");
	else if (error < 0)
		reading_problem(r, TRUSTDIR_ERROR, path, reading_why(-error));
	else
		readfile_parse(r, path, data, len);
out:
	free(data);
	close(fd);
}

struct bundle_search {
	bool (*is_one)(void *arg, const unsigned char *der, size_t len);
	void *arg;
	bool found;
};

static bool bundle_cert(void *arg, const unsigned char *der, size_t len,
			struct certfile_place place)
{
	struct bundle_search *s = arg;

	(void)place;
	s->found = s->found || s->is_one(s->arg, der, len);
	return !s->found; /* stop */
}

bool trustdir_file_has(const char *path,
		       bool (*is_one)(void *arg, const unsigned char *der, size_t len), void *arg)
{
	struct bundle_search search = {is_one, arg, false};
	const struct certfile_sink sink = {bundle_cert, no_problem, &search};
	unsigned char *data = NULL;
	size_t len = 0;
	struct stat st;
	int fd = open(path, READ_FLAGS);

	if (fd < 0)
		return false;
	if (compat_fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= TRUSTDIR_MAX_FILE &&
	    read_all(fd, (size_t)st.st_size, &data, &len) == 0)
		certfile_parse_all(data, len, &sink);
	free(data);
	close(fd);
	return search.found;
}
