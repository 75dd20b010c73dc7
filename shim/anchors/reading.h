/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_READING_H
#define CATRUST_READING_H

#include "anchors/trustdir.h"
#include "libc/text.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/* One reading of all trust directories, shared by the parts of trustdir.c. */

/* Memory that is freed all at once. */
struct arena {
	struct block *blocks;
	bool no_memory; /* an allocation failed: the result must not be used */
};

/* A copy of data; NULL, and no_memory is set, if there is no memory. */
void *arena_keep(struct arena *arena, const void *data, size_t len);

/*
 * Adds a copy of an item to an array, which only this function enlarges, and returns the array: it
 * may have moved. If there is no memory, or was none before, it stays as it is, and no_memory is
 * set.
 */
void *arena_add(struct arena *arena, void *array, size_t *count, size_t size, const void *item);

void arena_free(struct arena *arena);

struct file_cert {
	const unsigned char *der;
	size_t len;
	size_t line; /* from 1; 0 if the file is not text */
};

/* How a path looked when it was read. */
struct watch {
	const char *path;
	int error; /* the errno of stat; the rest is then 0 */
	struct stat st;
	bool unsettled; /* changed so recently that another change may have the same time */
	bool lost;	/* was readable, and is no longer */
};

/*
 * One file as it was read. It never changes, and readings share it: a file that looks the same is
 * not read again.
 */
struct trust_file {
	atomic_uint users;
	struct watch seen;
	const struct scope *scope; /* NULL: every name */
	struct arena memory;
	struct file_cert *cert;
	size_t count;
	struct trustdir_problem *problem;
	size_t problem_count, problems_lost;
};

/* A file whose certificates count. */
struct held {
	struct trust_file *file;
	unsigned char
		missed; /* number of looks since it was last found; 0: this reading found it */
	uint64_t since; /* when it was first missed, in ms; 0: not missed */
};

/* The result, which must be the first member, and the data behind it. */
struct reading {
	struct anchors out;
	struct arena memory;
	struct held *held;
	struct watch *watch;
	size_t held_count, watch_count;
	size_t entries;	     /* of directories, whatever their names */
	size_t files, bytes; /* read, or found unchanged */
	struct stat root;    /* the root directory at that time */
	/* While it is read: */
	const struct trustdir_sources *sources;
	const struct reading *before; /* NULL: this is the first */
	bool again;		      /* before is an earlier try of the same look */
	uint64_t now;		      /* when it began, in ms of the monotonic clock */
	const char **refused; /* paths that must not be read, or that other users may write to */
	size_t refused_count;
	bool system; /* the system's trust directory, or something in it, is being read */
	bool sticky; /* shared, and others may not remove entries that are not theirs */
	bool shared; /* other users may add entries to the directory that is being read, and it
			still counts */
	const struct scope
		*scope; /* the scope of the directory that is being read; NULL: every name */
	/*
	 * Something may have been missed: a directory had just changed, or a new name can't be
	 * read.
	 */
	bool doubtful;
};

/*
 * A line for the user, "path: reason" or "path: line 3: reason"; place is NULL, "line " or "byte ".
 * A path of more than 900 bytes is cut, so that the line fits into the log even when escaped.
 */
const char *reading_line(struct arena *arena, const char *path, const char *place, size_t at,
			 const char *reason);

/* Reports a problem with a path. */
void reading_problem(struct reading *r, enum trustdir_level level, const char *path,
		     const char *reason);

/* The same for a path that must no longer count, nor anything below it. */
void reading_refused(struct reading *r, const char *path, const char *reason);

/* Adds a reference to the file. */
void reading_hold(struct reading *r, struct held held);

/*
 * Decides whether a file of the reading before still counts, although this reading could not read
 * it or did not find it. It does as long as it exists. If it was not found (absent), it counts for
 * a limited number of looks, and for a minute at most. It does not count if this reading refused
 * it.
 */
bool reading_keep(struct reading *r, const struct held *held, bool absent);

/*
 * A path could not be read; error is the errno. If the error may pass, what was read before from
 * that path and below it stays. normal: this is not a problem, unless the path could be read
 * before.
 */
void reading_failed(struct reading *r, const char *path, int error, bool normal);

/* O_NONBLOCK: a FIFO must not block the program. For a regular file it changes nothing. */
enum { READ_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

/* Takes the file over from the reading before, if it looks the same as then. */
bool readfile_again(struct reading *r, const struct stat *st, const char *path);

/* Reads a file into r. fd: the open file; it is closed here. */
void readfile(struct reading *r, int fd, const struct stat *st, const char *path);

/* The same for bytes in memory; path: where they come from. */
void readfile_parse(struct reading *r, const struct stat *st, const char *path,
		    const unsigned char *data, size_t len);

/* How a file or directory looks; path stays the caller's. */
struct watch watch_of(const char *path, const struct stat *st);

/* Looks the same, and no change of it can have been missed. */
bool watch_is_settled_as(const struct watch *before, const struct stat *st);

/* st: of the opened file or directory, so that nothing slips in between. */
void watch_add(struct reading *r, const char *path, const struct stat *st);

/* A path that could not be opened. lost: though it could be before. */
void watch_path(struct reading *r, const char *path, bool lost);

/* Does an errno say that there is nothing of that name? */
bool watch_is_missing(int error);

/*
 * May it be otherwise in a moment, with nothing changed? EPERM and ENOSYS are what a seccomp filter
 * says, and leave what was read before it.
 */
bool watch_is_passing(int error);

/* Has anything changed since r read it? */
bool watch_has_moved(const struct reading *r);

/* Does the process have the root directory that it had when r was read? */
bool watch_has_root(const struct reading *r);

/* Did it change so recently that the next change may have the same time? */
bool watch_is_in_doubt(const struct stat *st);

/* Fills out.anchor from the files that r holds. */
void reading_merge(struct reading *r);

void reading_free(struct reading *r);

void trust_file_leave(struct trust_file *f); /* NULL is fine */

#endif
