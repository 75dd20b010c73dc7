/* SPDX-License-Identifier: Apache-2.0 */
#include "anchors/reading.h"

#include "libc/compat.h"

#include <errno.h>
#include <string.h>

/*
 * File systems stamp with the kernel's clock tick, up to 10 ms; those of networks, whose clock is
 * another, and old ones with up to two seconds.
 */
enum { UNSETTLED_MS = 3000, TICK_MS = 20, SECONDS_MS = 2000 };

/* A time stamp of the future is no news. */
static bool is_within(const struct timespec *when, long ms)
{
	struct timespec now;
	long age;

	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return true;
	if (now.tv_sec - when->tv_sec > ms / 1000 + 1 || when->tv_sec > now.tv_sec + 1)
		return false;
	age = (long)(now.tv_sec - when->tv_sec) * 1000 + (now.tv_nsec - when->tv_nsec) / 1000000;
	return age >= -TICK_MS && age <= ms;
}

struct watch watch_of(const char *path, const struct stat *st)
{
	return (struct watch){
		.path = path, .st = *st, .unsettled = is_within(&st->st_ctim, UNSETTLED_MS)};
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool looks_as(const struct watch *w, const struct stat *st)
{
	return w->error == 0 && st->st_ino == w->st.st_ino && st->st_dev == w->st.st_dev &&
	       st->st_size == w->st.st_size && st->st_mode == w->st.st_mode &&
	       st->st_uid == w->st.st_uid && st->st_gid == w->st.st_gid &&
	       same_time(&st->st_mtim, &w->st.st_mtim) && same_time(&st->st_ctim, &w->st.st_ctim);
}

bool watch_is_settled_as(const struct watch *before, const struct stat *st)
{
	return !before->unsettled && looks_as(before, st);
}

static void add(struct reading *r, const char *path, struct watch w)
{
	w.path = arena_keep(&r->memory, path, strlen(path) + 1);
	r->watch = arena_add(&r->memory, r->watch, &r->watch_count, sizeof(w), &w);
}

void watch_add(struct reading *r, const char *path, const struct stat *st)
{
	add(r, path, watch_of(path, st));
}

void watch_path(struct reading *r, const char *path, bool lost)
{
	struct stat st;
	struct watch w = {.error = 0};

	if (compat_stat(path, &st) == 0)
		w = watch_of(path, &st);
	else
		w.error = errno;
	w.lost = lost;
	add(r, path, w);
}

bool watch_is_missing(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

bool watch_is_passing(int error)
{
	switch (error) {
	case EACCES:
	case ENAMETOOLONG:
	case ENODEV:
	case ENXIO:
		return false;
	default:
		return !watch_is_missing(error);
	}
}

/* Does a path look otherwise than before? What can't be looked at for now does not. */
static bool is_other(const struct watch *before)
{
	struct stat st;

	if (compat_stat(before->path, &st) == 0)
		return !looks_as(before, &st);
	return errno != before->error && !watch_is_passing(errno);
}

bool watch_has_moved(const struct reading *r)
{
	for (size_t i = 0; i < r->watch_count; i++)
		if (is_other(&r->watch[i]))
			return true;
	return false;
}

bool watch_is_in_doubt(const struct stat *st)
{
	/* No part of a second: the file system does not know any. */
	return is_within(&st->st_ctim, st->st_ctim.tv_nsec == 0 ? SECONDS_MS : TICK_MS);
}

bool watch_has_root(const struct reading *r)
{
	struct stat root;

	return compat_stat("/", &root) == 0 && root.st_dev == r->root.st_dev &&
	       root.st_ino == r->root.st_ino;
}

bool trustdir_changed(const struct anchors *anchors)
{
	const struct reading *r = (const struct reading *)anchors;

	/* A program that has locked itself in keeps what it trusted outside, as it keeps a bundle.
	 */
	if (!watch_has_root(r))
		return false;
	if (anchors->unsteady)
		return true;
	for (size_t i = 0; i < r->watch_count; i++)
		if (r->watch[i].unsettled || is_other(&r->watch[i]))
			return true;
	return false;
}
