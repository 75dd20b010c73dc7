/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_READING_H
#define CATRUST_READING_H

#include "anchors/text.h"
#include "anchors/trustdir.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/* One reading of all trust directories, as the parts of trustdir.c share it. */

/* What is allocated together is freed together. */
struct arena {
	struct block *blocks;
	bool no_memory; /* something was not allocated: what was to be made of it must not be used
			 */
};

/* A copy of data; NULL and no_memory if there is no memory. */
void *arena_keep(struct arena *arena, const void *data, size_t len);

/*
 * Room for one more in an array that realloc() made; NULL and no_memory if there is no memory. The
 * array is the caller's to free.
 */
void *arena_grow(struct arena *arena, void *array, size_t count, size_t *room, size_t size);

void arena_free(struct arena *arena);

struct file_cert {
	const unsigned char *der;
	size_t len;
	size_t line; /* from 1; 0 if the file is not text */
};

/* How a path looked when it was read. */
struct watch {
	const char *path;
	int error; /* of stat; then the rest is 0 */
	dev_t dev;
	ino_t ino;
	off_t size;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec mtime, ctime;
	bool unsettled; /* changed so lately that another change may bear the same time */
	bool lost;	/* was readable, and may not be read any more */
};

/*
 * One file as it was read. It never changes, and readings share it: a file that looks as before is
 * not read again.
 */
struct trust_file {
	atomic_uint users;
	struct watch seen;
	bool has_scope;
	struct scope scope;
	struct arena memory;
	struct file_cert *cert;
	size_t count, room;
	struct trustdir_problem *problem;
	size_t problem_count, problem_room;
	size_t problems_lost;
};

/* A file whose certificates count. */
struct held {
	struct trust_file *file;
	unsigned char missed; /* looks since it was found last; 0: this reading found it */
	uint64_t since;	      /* when it was missed first, in ms; 0: not missed */
};

/* What is handed out, first, and what it stands on. */
struct reading {
	struct anchors out;
	struct arena memory;
	struct held *held;
	struct watch *watch;
	size_t held_count, watch_count;
	size_t anchor_room, problem_room, held_room, watch_room;
	size_t entries;	     /* of directories, whatever their names */
	size_t files, bytes; /* read, or found as they were */
	size_t copies;	     /* noted */
	size_t errors;	     /* problems of TRUSTDIR_ERROR */
	dev_t root_dev;	     /* of the root directory at that time */
	ino_t root_ino;
	/* While it is read: */
	const struct trustdir_sources *sources;
	const struct reading *before; /* NULL: this is the first */
	bool again;		      /* before belongs to the same look */
	uint64_t now;		      /* when it began, in ms of the monotonic clock */
	const char **refused;	      /* paths that it may not read, or that others may write to */
	size_t refused_count, refused_room;
	bool system; /* what is being read is the system's trust directory, or in it */
	bool sticky; /* as shared, and may not remove what is not theirs */
	bool shared; /* others may add to the directory that is being read, and it counts */
	const struct scope *scope; /* of the directory that is being read; NULL: every name */
	/* Something may be missed: a directory had just changed, or a new name can't be read. */
	bool doubtful;
};

/* Of a longer path, its beginning; escaped, it must still fit a line of the log with the reason. */
enum { PATH_SHOWN = 900 };

/* A path as a line shows it: at most PATH_SHOWN bytes. */
void reading_add_shown(struct text *line, const char *path);

/* One line for the user. */
void reading_problem(struct reading *r, enum trustdir_level level, const char *path,
		     const char *reason);

/* The same of a path that must not count any more, nor anything below it. */
void reading_refused(struct reading *r, const char *path, const char *reason);

/* Takes part in a file, or in the caller's part where that is new. */
void reading_hold(struct reading *r, struct held held);

/*
 * A file of the reading before, which this one could not read, or did not find though it may be
 * there, goes on to count: as long as it is there (absent: it was not found) or else for a bounded
 * number of looks and a minute at most; but not where this reading refused it. Does it?
 */
bool reading_keep(struct reading *r, const struct held *held, bool absent);

/*
 * A path could not be read: error is why, an errno. What may pass leaves what was read before of it
 * and below it. normal: no fault, unless it could be read before.
 */
void reading_failed(struct reading *r, const char *path, int error, bool normal);

/* Fills out.anchor from what is held. */
void reading_merge(struct reading *r);

void reading_free(struct reading *r);

void trust_file_leave(struct trust_file *f); /* NULL is fine */

#endif
