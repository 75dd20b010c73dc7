/* SPDX-License-Identifier: Apache-2.0 */
#include "trustdir.h"

#include "compat.h"
#include "owner.h"
#include "readfile.h"
#include "reading.h"
#include "text.h"
#include "watch.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool trustdir_name_counts(const char *name)
{
	static const char *const endings[] = {".pem", ".crt", ".cer", ".der", ".p7b", ".p7c"};
	size_t len = strlen(name);

	if (name[0] == '.' || len < 5)
		return false;
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		if (strcasecmp(name + len - 4, endings[i]) == 0)
			return true;
	return false;
}

static bool is_directory(struct reading *r, int dir, const char *dir_path,
			 const struct dirent *entry)
{
	char buf[PATH_MAX];
	struct text path = TEXT(buf);
	int fd;

	if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
		return entry->d_type == DT_DIR;
	fd = openat(dir, entry->d_name, READ_FLAGS | O_DIRECTORY);
	if (fd < 0 && errno == ENOENT) {
		/* A link to what is not there: it may become a scope. */
		text_add(&path, dir_path);
		text_add(&path, "/");
		text_add(&path, entry->d_name);
		watch_add(r, buf, NULL);
	}
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static void read_directory(struct reading *r, int fd, const struct stat *st, const char *path);

/* A subdirectory: its name is the scope of what lies in it. */
static void read_scoped(struct reading *r, int fd, const struct stat *st, const char *path)
{
	struct scope scope;

	if (r->scope != NULL) {
		reading_problem(r, TRUSTDIR_ERROR, path,
				"skipped, since a scoped directory cannot have another one");
		close(fd);
	} else if (trustdir_name_counts(strrchr(path, '/') + 1)) {
		/* A slip, not a scope: no domain ends in these. */
		reading_problem(r, TRUSTDIR_ERROR, path, "a directory, not a file, skipped");
		watch_add(r, path, st);
		close(fd);
	} else if (scope_parse(strrchr(path, '/') + 1, &scope) != 0) {
		reading_problem(
			r, TRUSTDIR_ERROR, path,
			"neither a domain nor a range of addresses (corp.example, 10.0.0.0_8): "
			"its certificates are trusted for nothing");
		watch_add(r, path, st);
		close(fd);
	} else {
		r->scope = &scope;
		read_directory(r, fd, st, path);
		r->scope = NULL;
	}
}

static void read_entry(struct reading *r, int dir, const char *dir_path, const char *name)
{
	bool shared = r->shared && !r->sources->allow_writable;
	const char *reason = NULL;
	char buf[PATH_MAX];
	struct text path = TEXT(buf);
	struct stat st = {.st_mode = 0}, entry;
	int fd;

	text_add(&path, dir_path);
	text_add(&path, "/");
	text_add(&path, name);
	if (shared)
		reason = owner_mistrust_entry(dir, name, &entry);
	if (reason != NULL) {
		reading_problem(r, TRUSTDIR_ERROR, buf, reason);
		return;
	}
	fd = openat(dir, name, READ_FLAGS);
	if (fd < 0 || compat_fstat(fd, &st) != 0)
		reason = reading_why(errno);
	else if (shared)
		reason = owner_mistrust_opened(dir, name, &entry);
	if (reason != NULL) {
		reading_problem(r, TRUSTDIR_ERROR, buf, reason);
		watch_add(r, buf, NULL);
		if (fd >= 0)
			close(fd);
	} else if (S_ISDIR(st.st_mode)) {
		read_scoped(r, fd, &st, buf);
	} else {
		readfile(r, fd, &st, buf);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * In the order of names, so that two machines with the same files do the same. fd: the open
 * directory, closed here.
 */
static void read_directory(struct reading *r, int fd, const struct stat *st, const char *path)
{
	const char *reason = r->sources->allow_writable ? NULL : owner_mistrust(fd, st);
	enum { NAMES_MAX = 50000 };
	char **names = NULL;
	size_t count = 0, room = 0;
	struct dirent *entry;
	DIR *dir;

	watch_add(r, path, st);
	if (reason != NULL) {
		reading_problem(r, TRUSTDIR_ERROR, path, reason);
		close(fd);
		return;
	}
	dir = fdopendir(fd);
	if (dir == NULL) {
		close(fd);
		reading_problem(r, TRUSTDIR_ERROR, path, reading_why(errno));
		return;
	}
	/* cppcheck-suppress readdirCalled ; only this thread has dir */
	while (!r->no_memory && (entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;
		char **bigger;

		if (name[0] == '.' ||
		    (!trustdir_name_counts(name) && !is_directory(r, dirfd(dir), path, entry)))
			continue;
		/* The first by name are read, so all must be known; but a million is a mistake. */
		if (count == NAMES_MAX)
			break;
		bigger = reading_grow(r, names, count, &room, sizeof(*names));
		if (bigger == NULL)
			break;
		names = bigger;
		names[count] = reading_keep(r, name, strlen(name) + 1);
		if (names[count] != NULL)
			count++;
	}
	if (count > 1)
		qsort(names, count, sizeof(*names), by_name);
	for (size_t i = 0; i < count && !r->no_memory; i++) {
		r->shared = (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;
		read_entry(r, dirfd(dir), path, names[i]);
	}
	free(names);
	closedir(dir);
}

/* How a path came to be one: what its absence means. */
enum origin {
	NAMED,	/* by CATRUST_DIR: it should be there */
	SYSTEM, /* the default: may be missing */
	USER,	/* as SYSTEM; HOME may be somebody else's (sudo -u): may be out of reach */
};

static void read_path(struct reading *r, const char *path, enum origin origin)
{
	struct stat st;
	int fd;

	if (strlen(path) >= PATH_MAX - 1) {
		/* It may have been cut off, and then names something else. */
		reading_problem(r, TRUSTDIR_ERROR, path, "too long a path, skipped");
		return;
	}
	fd = open(path, READ_FLAGS);
	if (fd < 0 || compat_fstat(fd, &st) != 0) {
		bool normal = (origin != NAMED && watch_is_missing(errno)) ||
			      (origin == USER && errno == EACCES);

		reading_problem(r, normal ? TRUSTDIR_INFO : TRUSTDIR_ERROR, path,
				reading_why(errno));
		watch_add(r, path, NULL);
		if (fd >= 0)
			close(fd);
	} else if (S_ISDIR(st.st_mode)) {
		read_directory(r, fd, &st, path);
	} else {
		readfile(r, fd, &st, path);
	}
}

static bool is_set(const char *value)
{
	return value != NULL && value[0] != '\0';
}

/* The user's own directory; false where there is no home. */
static bool user_path(const struct trustdir_sources *s, struct text *path)
{
	/* The XDG specification: a relative path counts as unset. */
	if (is_set(s->xdg) && s->xdg[0] == '/') {
		text_add(path, s->xdg);
		text_add(path, "/" TRUSTDIR_USER);
	} else if (is_set(s->home) && s->home[0] == '/') {
		text_add(path, s->home);
		text_add(path, "/.config/" TRUSTDIR_USER);
	}
	return path->len > 0;
}

/* Takes the next element off a colon-separated list, empty ones passed over; false at its end. */
static bool next_path(const struct trustdir_sources *s, const char **list, struct text *path)
{
	size_t len;

	while (**list == ':')
		(*list)++;
	len = strcspn(*list, ":");
	if (len > 0 && **list != '/' && s->cwd != NULL) {
		text_add(path, s->cwd);
		text_add(path, "/");
	}
	text_add_n(path, *list, len);
	*list += len;
	return len > 0;
}

static void read_sources(struct reading *r)
{
	const struct trustdir_sources *s = r->sources;
	char buf[PATH_MAX];
	struct text path = TEXT(buf);
	const char *list = s->dirs;

	if (s->privileged) {
		read_path(r, TRUSTDIR_SYSTEM, SYSTEM);
		return;
	}
	if (is_set(list)) {
		for (; next_path(s, &list, &path); path = TEXT(buf))
			read_path(r, buf, NAMED);
	} else {
		read_path(r, TRUSTDIR_SYSTEM, SYSTEM);
		if (user_path(s, &path))
			read_path(r, buf, USER);
	}
	if (is_set(s->pem))
		readfile_parse(r, "CATRUST_PEM", (const unsigned char *)s->pem, strlen(s->pem));
	/* A trust shim that silently does nothing is worse than none. */
	if (r->out.count == 0 && r->errors == 0 && is_set(s->dirs))
		reading_problem(r, TRUSTDIR_ERROR, s->dirs,
				"no certificate there, so nothing is added");
}

int trustdir_read(const struct trustdir_sources *sources, struct anchors **ret)
{
	struct reading *r = calloc(1, sizeof(*r));
	struct stat root;

	if (r == NULL)
		return -ENOMEM;
	r->sources = sources;
	if (compat_stat("/", &root) == 0) {
		r->root_dev = root.st_dev;
		r->root_ino = root.st_ino;
	}
	read_sources(r);
	r->sources = NULL;
	if (r->no_memory) {
		trustdir_free(&r->out);
		return -ENOMEM;
	}
	*ret = &r->out;
	return 0;
}

void trustdir_free(struct anchors *anchors)
{
	struct reading *r = (struct reading *)anchors;

	if (r == NULL)
		return;
	while (r->blocks != NULL) {
		struct block *next = r->blocks->next;

		free(r->blocks);
		r->blocks = next;
	}
	free(r->out.anchor);
	free(r->out.problem);
	free(r->out.watch);
	free(r);
}

int trustdir_first(const struct trustdir_sources *sources, bool root, char *buf, size_t size)
{
	struct text path = {buf, size, 0};
	const char *list = sources->dirs;

	buf[0] = '\0';
	if (is_set(list))
		next_path(sources, &list, &path);
	else if (root)
		text_add(&path, TRUSTDIR_SYSTEM);
	else
		user_path(sources, &path);
	if (path.len == 0)
		return -ENOENT;
	return path.len + 1 == size ? -ENAMETOOLONG : 0;
}
