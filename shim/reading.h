/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_READING_H
#define CATRUST_READING_H

#include "text.h"
#include "trustdir.h"

#include <sys/types.h>
#include <time.h>

/* One reading of all trust directories, as the parts of trustdir.c share it. */

/* Everything that a reading allocates lives and dies with it. */
struct block {
	struct block *next;
	max_align_t data[];
};

/* How a file or directory looked when it was read; all zero where it could not be. */
struct trustdir_watch {
	const char *path;
	dev_t dev;
	ino_t ino;
	off_t size;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec mtime, ctime;
	bool unsettled; /* changed so lately that another change may bear the same time */
};

/* What is handed out, first, and what it stands on. */
struct reading {
	struct anchors out;
	struct block *blocks;
	size_t anchor_room, problem_room, watch_room;
	size_t files;
	size_t copies;	/* noted */
	size_t errors;	/* problems of TRUSTDIR_ERROR */
	dev_t root_dev; /* of the root directory at that time */
	ino_t root_ino;
	const struct trustdir_sources *sources;
	bool shared;		   /* others may write to the directory that is being read */
	const struct scope *scope; /* of the directory that is being read; NULL: every name */
	bool no_memory;
};

/* Of a longer path, its beginning; escaped, it must still fit a line of the log with the reason. */
enum { PATH_SHOWN = 900 };

/* A copy of data that lives as long as r; NULL and no_memory where there is no memory. */
void *reading_keep(struct reading *r, const void *data, size_t len);

/* Room for one more in an array; NULL and no_memory where there is none. */
void *reading_grow(struct reading *r, void *array, size_t count, size_t *room, size_t size);

/* One line for the user. */
void reading_add_problem(struct reading *r, enum trustdir_level level, const struct text *line);
void reading_problem(struct reading *r, enum trustdir_level level, const char *path,
		     const char *reason);

/* A path as a line shows it: at most PATH_SHOWN bytes. */
void reading_add_shown(struct text *line, const char *path);

/* What an errno means for the user. */
const char *reading_why(int error);

#endif
