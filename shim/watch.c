/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include "compat.h"

#include <errno.h>
#include <string.h>

/* File systems stamp with the kernel's clock tick, up to 10 ms; some network ones with a second. */
static bool is_recent(const struct timespec *when)
{
	struct timespec now;

	/* A time stamp of the future is no news. */
	return clock_gettime(CLOCK_REALTIME, &now) == 0 && now.tv_sec - when->tv_sec >= 0 &&
	       now.tv_sec - when->tv_sec <= 2;
}

static struct trustdir_watch watch_of(const char *path, const struct stat *st)
{
	if (st == NULL)
		return (struct trustdir_watch){.path = path};
	return (struct trustdir_watch){.path = path,
				       .dev = st->st_dev,
				       .ino = st->st_ino,
				       .size = st->st_size,
				       .mode = st->st_mode,
				       .uid = st->st_uid,
				       .gid = st->st_gid,
				       .mtime = st->st_mtim,
				       .ctime = st->st_ctim,
				       .unsettled = is_recent(&st->st_ctim)};
}

void watch_add(struct reading *r, const char *path, const struct stat *st)
{
	struct trustdir_watch *all =
		reading_grow(r, r->out.watch, r->out.watch_count, &r->watch_room, sizeof(*all));
	const char *copy = reading_keep(r, path, strlen(path) + 1);

	if (all != NULL)
		r->out.watch = all;
	if (all != NULL && copy != NULL)
		all[r->out.watch_count++] = watch_of(copy, st);
}

bool watch_is_missing(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

static bool has_changed(const struct trustdir_watch *before)
{
	struct stat st;
	bool there = compat_stat(before->path, &st) == 0;
	struct trustdir_watch now = watch_of(before->path, there ? &st : NULL);

	if (!there && !watch_is_missing(errno))
		return false;
	return before->unsettled || now.dev != before->dev || now.ino != before->ino ||
	       now.size != before->size || now.mode != before->mode || now.uid != before->uid ||
	       now.gid != before->gid || now.mtime.tv_sec != before->mtime.tv_sec ||
	       now.mtime.tv_nsec != before->mtime.tv_nsec ||
	       now.ctime.tv_sec != before->ctime.tv_sec ||
	       now.ctime.tv_nsec != before->ctime.tv_nsec;
}

bool trustdir_changed(const struct anchors *anchors)
{
	const struct reading *r = (const struct reading *)anchors;
	struct stat root;

	/* A program that has locked itself in keeps what it trusted outside, as it keeps a bundle.
	 */
	if (compat_stat("/", &root) != 0 || root.st_dev != r->root_dev ||
	    root.st_ino != r->root_ino)
		return false;
	for (size_t i = 0; i < anchors->watch_count; i++)
		if (has_changed(&anchors->watch[i]))
			return true;
	return false;
}
