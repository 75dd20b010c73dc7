/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_RECORD_H
#define CATRUST_RECORD_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>

/* Where what belongs to the whole machine is kept. */
#define RECORD_FOLDER "/var/lib/catrust"

/* What catrust enable has done to this machine: catrust disable undoes that and nothing else. */
enum record_kind {
	RECORD_PRELOAD,	  /* an entry of /etc/ld.so.preload */
	RECORD_VARIABLES, /* --env; no path */
	RECORD_BLOCK,	  /* lines in a file */
	RECORD_FILE,	  /* a file that was not there */
	RECORD_DIRECTORY, /* a directory that was not there */
	RECORD_KINDS,
};

enum { RECORD_MAX = 64 };

struct record {
	struct {
		enum record_kind kind;
		char *path;
	} item[RECORD_MAX];
	size_t count;
};

/* Returns 0 and *ret, empty where nothing was done, to be freed with record_clear(); or -1 and
 * *why.
 */
int record_read(struct record *ret, struct reason *why);

void record_clear(struct record *r);

/* The path of the first item of the kind, "" if that has none; NULL: there is no such item. */
const char *record_find(const struct record *r, enum record_kind kind);

bool record_has(const struct record *r, enum record_kind kind, const char *path);

/* Once for each kind and path. Returns 0, or -1: there is no room or memory. */
int record_add(struct record *r, enum record_kind kind, const char *path);

/* Takes item i out. */
void record_remove(struct record *r, size_t i);

/* Makes what is missing of the folder that path lies in, each part recorded first. Returns 0, or -1
 * and *why. */
int record_folder(struct record *r, const char *path, struct reason *why);

/* Keeps it, or takes it away where there is nothing in it. Returns 0, or -1 and *why. */
int record_write(const struct record *r, struct reason *why);

#endif
