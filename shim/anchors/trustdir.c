/* SPDX-License-Identifier: Apache-2.0 */
#include "anchors/trustdir.h"

#include "anchors/owner.h"
#include "anchors/reading.h"
#include "libc/compat.h"
#include "libc/text.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

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

/* May an entry without a known ending be a directory, and so a scope? */
static bool may_be_directory(struct reading *r, int dir, const char *path,
			     const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
		return entry->d_type == DT_DIR;
	if (compat_statat(dir, entry->d_name, &st) == 0)
		return S_ISDIR(st.st_mode);
	if (errno == ENOENT)
		watch_path(r, path, false); /* a link to what is not there yet */
	return watch_is_passing(errno);
}

static void read_directory(struct reading *r, int fd, const struct stat *st, const char *path);

/* A subdirectory: its name is the scope of what lies in it. */
static void read_scoped(struct reading *r, int fd, const struct stat *st, const char *path)
{
	const char *name = strrchr(path, '/') + 1, *reason = NULL;
	struct scope scope;

	if (r->scope != NULL)
		reason = "skipped, because the directory of a scope can't have subdirectories";
	else if (trustdir_name_counts(name))
		/* A mistake, not a scope: no domain ends in these. */
		reason = "a directory, not a file, skipped";
	else if (scope_parse(name, &scope) != 0)
		reason = "its name is neither a domain nor a range of addresses (such as "
			 "corp.example or 10.0.0.0_8), so its certificates are not trusted";
	if (reason == NULL) {
		r->scope = &scope;
		read_directory(r, fd, st, path);
		r->scope = NULL;
		return;
	}
	reading_problem(r, TRUSTDIR_ERROR, path, reason);
	watch_add(r, path, st);
	close(fd);
}

/*
 * Is an entry of a directory that others may write to, which has been opened, still the one that
 * was looked at? Another may have been there for the moment in which it was opened.
 */
static bool is_still(int dir, const char *name, const struct stat *before)
{
	struct stat now;

	return compat_lstatat(dir, name, &now) == 0 && now.st_dev == before->st_dev &&
	       now.st_ino == before->st_ino && now.st_uid == before->st_uid;
}

static void read_entry(struct reading *r, int dir, const char *path, const char *name)
{
	struct stat entry, st;
	const char *reason;
	int fd;

	if (compat_lstatat(dir, name, &entry) != 0) {
		if (errno == ENOENT)
			r->out.moved = true; /* it was there when the directory was listed */
		else
			reading_failed(r, path, errno, false);
		return;
	}
	reason = r->shared ? owner_mistrust_entry(&entry, r->sources->user) : NULL;
	if (reason != NULL) {
		reading_refused(r, path, reason);
		return;
	}
	/* What a link leads to may be anywhere. */
	r->system = r->system && !S_ISLNK(entry.st_mode);
	reason = r->sticky ? owner_mistrust_link(&entry) : NULL;
	if (reason != NULL) {
		watch_add(r, path, &entry);
		reading_refused(r, path, reason);
		return;
	}
	if (compat_statat(dir, name, &st) == 0 && S_ISREG(st.st_mode) &&
	    readfile_again(r, &st, path))
		return;
	fd = openat(dir, name, READ_FLAGS);
	if (fd < 0 || compat_fstat(fd, &st) != 0) {
		int error = errno;

		if (error == ENOENT && !S_ISLNK(entry.st_mode))
			r->out.moved = true;
		else
			reading_failed(r, path, error, false);
		if (fd >= 0)
			close(fd);
	} else if (r->shared && !is_still(dir, name, &entry)) {
		r->out.moved = true;
		reading_problem(r, TRUSTDIR_ERROR, path, "skipped, because it is being replaced");
		close(fd);
	} else if (S_ISDIR(st.st_mode)) {
		read_scoped(r, fd, &st, path);
	} else {
		readfile(r, fd, &st, path);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
	struct arena memory;
	char **name;
	size_t count;
};

static void path_of(struct text *path, const char *dir, const char *name)
{
	text_add(path, dir);
	text_add(path, "/");
	text_add(path, name);
}

/*
 * Is an entry of a directory that others may write to another user's? They can make any number, so
 * one line stands for all of them, and none takes the place of an entry that counts.
 */
static bool is_anothers(struct reading *r, int dir, const char *name, const char *path, bool *told)
{
	struct stat entry;
	const char *reason;

	if (compat_lstatat(dir, name, &entry) != 0)
		return false;
	reason = owner_mistrust_entry(&entry, r->sources->user);
	if (reason == NULL)
		return false;
	if (*told) {
		r->out.problems_lost++;
	} else {
		reading_problem(r, TRUSTDIR_ERROR, path, reason);
		*told = true;
	}
	return true;
}

/* Is there room for one more entry? The first for which there is none is told. */
static bool has_room(struct reading *r, const char *path)
{
	if (r->entries > TRUSTDIR_MAX_ENTRIES)
		return false;
	if (r->entries++ < TRUSTDIR_MAX_ENTRIES)
		return true;
	reading_problem(
		r, TRUSTDIR_ERROR, path,
		"skipped, like all entries after the first 50000 in all directories together");
	return false;
}

/*
 * The entries that may count, in the order of their names. The first by name are read, so all must
 * be known; but a million is a mistake. 0, or a negative errno.
 */
static int list(struct reading *r, DIR *dir, const char *dir_path, bool shared, struct names *ret)
{
	bool told = false;

	for (;;) {
		const struct dirent *entry;
		char buf[PATH_MAX];
		struct text path = TEXT(buf);
		const char *name;

		errno = 0;
		/* cppcheck-suppress readdirCalled ; only this thread has dir */
		entry = readdir(dir);
		if (entry == NULL && errno != 0)
			return -errno;
		if (entry == NULL)
			break;
		path_of(&path, dir_path, entry->d_name);
		if (shared && is_anothers(r, dirfd(dir), entry->d_name, buf, &told))
			continue;
		if (!has_room(r, buf))
			break;
		if (entry->d_name[0] == '.' || (!trustdir_name_counts(entry->d_name) &&
						!may_be_directory(r, dirfd(dir), buf, entry)))
			continue;
		name = arena_keep(&ret->memory, entry->d_name, strlen(entry->d_name) + 1);
		ret->name = arena_add(&ret->memory, ret->name, &ret->count, sizeof(name), &name);
		if (ret->memory.no_memory)
			return -ENOMEM;
	}
	if (ret->count > 1)
		qsort(ret->name, ret->count, sizeof(*ret->name), by_name);
	return 0;
}

/*
 * In the order of names, so that two machines with the same files do the same. fd: the open
 * directory, closed here.
 */
static void read_directory(struct reading *r, int fd, const struct stat *st, const char *path)
{
	const char *reason = r->sources->allow_writable
				     ? NULL
				     : owner_mistrust(fd, st, r->sources->user, r->system);
	bool shared = !r->sources->allow_writable && (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;
	bool system = r->system;
	struct names names = {.count = 0};
	DIR *dir = reason == NULL ? fdopendir(fd) : NULL;
	int error = 0;

	if (reason != NULL)
		reading_refused(r, path, reason);
	else if (dir == NULL)
		error = -errno;
	else
		error = list(r, dir, path, shared, &names);
	if (error == 0)
		watch_add(r, path, st);
	else
		reading_failed(r, path, -error, false);
	r->doubtful = r->doubtful || watch_is_in_doubt(st);
	for (size_t i = 0; error == 0 && i < names.count; i++) {
		char buf[PATH_MAX];
		struct text entry = TEXT(buf);

		path_of(&entry, path, names.name[i]);
		r->system = system;
		r->shared = shared;
		r->sticky = shared && (st->st_mode & S_ISVTX) != 0;
		/* What is beyond the first files need not be looked at. */
		if (r->files <= TRUSTDIR_MAX_FILES || !trustdir_name_counts(names.name[i]))
			read_entry(r, dirfd(dir), buf, names.name[i]);
	}
	arena_free(&names.memory);
	if (dir != NULL)
		closedir(dir);
	else
		close(fd);
}

/* How a path came to be one: what its absence means. */
enum origin {
	NAMED,	/* by CATRUST_DIR: it should be there */
	SYSTEM, /* the default: may be missing */
	USER,	/* as SYSTEM; HOME may be another user's (sudo -u): may be out of reach */
};

/* The user who made a link on the way says what is trusted, as the owner of a directory does. */
static bool is_anothers_link(struct reading *r, const char *path)
{
	struct stat st;
	const char *reason = NULL;

	if (!r->sources->allow_writable && compat_lstatat(AT_FDCWD, path, &st) == 0 &&
	    S_ISLNK(st.st_mode))
		reason = owner_mistrust_entry(&st, r->sources->user);
	if (reason == NULL)
		return false;
	watch_path(r, path, false);
	reading_refused(r, path, reason);
	return true;
}

static void read_path(struct reading *r, const char *path, enum origin origin)
{
	struct stat st;
	int fd;

	if (strlen(path) >= PATH_MAX - 1) {
		/* It may have been cut off, and then names something else. */
		reading_problem(r, TRUSTDIR_ERROR, path, "skipped, because the path is too long");
		return;
	}
	if (is_anothers_link(r, path))
		return;
	r->system = origin == SYSTEM;
	if (compat_stat(path, &st) == 0 && S_ISREG(st.st_mode) && readfile_again(r, &st, path))
		return;
	fd = open(path, READ_FLAGS);
	if (fd < 0 || compat_fstat(fd, &st) != 0) {
		int error = errno;

		reading_failed(r, path, error,
			       (origin != NAMED && watch_is_missing(error)) ||
				       (origin == USER && error == EACCES));
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

/* The user's own directory; false if there is no home. */
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

/* Is the folder that the user's own directory is in the user's, and not that of sudo's caller? */
static bool is_own_home(struct reading *r)
{
	const struct trustdir_sources *s = r->sources;
	const char *home = is_set(s->xdg) && s->xdg[0] == '/' ? s->xdg : s->home;
	struct stat st;

	if (s->allow_writable || compat_stat(home, &st) != 0 ||
	    owner_mistrust_entry(&st, s->user) == NULL)
		return true;
	reading_problem(r, TRUSTDIR_INFO, home,
			"belongs neither to root nor to the user who started the program, so no "
			"trust directory in it is read");
	return false;
}

/* Takes the next element off a colon-separated list, empty ones passed over; false at its end. */
static bool next_path(const struct trustdir_sources *s, const char **list, struct text *path)
{
	const char *start;
	size_t len;

	while (**list == ':')
		(*list)++;
	start = *list;
	len = strcspn(start, ":");
	*list += len;
	/* A link with a slash behind it would be what it leads to. */
	while (len > 1 && start[len - 1] == '/')
		len--;
	if (len > 0 && *start != '/' && s->cwd != NULL) {
		text_add(path, s->cwd);
		text_add(path, "/");
	}
	text_add_n(path, start, len);
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
		if (user_path(s, &path) && is_own_home(r))
			read_path(r, buf, USER);
	}
	if (is_set(s->pem))
		readfile_parse(r, NULL, "CATRUST_PEM", (const unsigned char *)s->pem,
			       strlen(s->pem));
}

static bool holds(const struct reading *r, const struct trust_file *f)
{
	for (size_t i = 0; i < r->held_count; i++)
		if (r->held[i].file == f)
			return true;
	return false;
}

/*
 * A directory was in motion. What is always there may have been missed under both its names, so
 * what was known before goes on to count for a while.
 */
static void keep_missed(struct reading *r)
{
	for (size_t i = 0; r->before != NULL && i < r->before->held_count; i++)
		if (!holds(r, r->before->held[i].file))
			reading_keep(r, &r->before->held[i], true);
}

static uint64_t now_ms(void)
{
	struct timespec now = {0, 0};

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* again: before belongs to the same look. */
static int read_once(const struct trustdir_sources *sources, const struct reading *before,
		     bool again, struct reading **ret)
{
	struct reading *r = calloc(1, sizeof(*r));
	int error = 0;

	if (r == NULL)
		return -ENOMEM;
	r->sources = sources;
	r->before = before;
	r->again = again;
	r->now = now_ms();
	if (before != NULL)
		r->root = before->root;
	else
		compat_stat("/", &r->root);
	read_sources(r);
	r->out.moved = r->out.moved || watch_has_moved(r);
	if (r->out.moved || r->doubtful) {
		keep_missed(r);
		r->out.unsteady = true;
	}
	reading_merge(r);
	/* A trust shim that silently does nothing is worse than none. */
	if (r->out.count == 0 && r->out.problem_count == 0 && is_set(sources->dirs))
		reading_problem(r, TRUSTDIR_ERROR, sources->dirs,
				"there is no certificate, so no CA is added");
	if (r->memory.no_memory)
		error = -ENOMEM;
	else if (!watch_has_root(r))
		error = -EAGAIN;
	if (error != 0) {
		reading_free(r);
		return error;
	}
	r->sources = NULL;
	r->before = NULL;
	*ret = r;
	return 0;
}

int trustdir_read(const struct trustdir_sources *sources, const struct anchors *before,
		  struct anchors **ret)
{
	enum { TRIES = 4, TRIES_MS = 100 };
	struct reading *r = NULL, *next;
	uint64_t start = now_ms();
	int error = read_once(sources, (const struct reading *)before, false, &r);

	if (error != 0)
		return error;
	for (int tries = 1; r->out.moved && tries < TRIES && now_ms() - start < TRIES_MS; tries++) {
		if (read_once(sources, r, true, &next) != 0)
			break;
		reading_free(r);
		r = next;
	}
	*ret = &r->out;
	return 0;
}

void trustdir_free(struct anchors *anchors)
{
	reading_free((struct reading *)anchors);
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
