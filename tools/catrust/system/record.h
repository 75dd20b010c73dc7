/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_RECORD_H
#define CATRUST_RECORD_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>

/* The place for files of the whole machine. */
#define RECORD_FOLDER "/var/lib/catrust"

/* What catrust enable has changed on this machine; catrust disable undoes exactly that. */
enum record_kind {
	RECORD_PRELOAD,	  /* an entry of /etc/ld.so.preload */
	RECORD_VARIABLES, /* --env; no path */
	RECORD_BLOCK,	  /* lines in a file */
	RECORD_FILE,	  /* a new file */
	RECORD_DIRECTORY, /* a new directory */
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

/* Returns 0 and *ret, which is empty if nothing was done, to be freed with record_clear(); or -1
 * and *why. */
int record_read(struct record *ret, struct reason *why);

void record_clear(struct record *r);

/* The path of the first item of the kind, "" if it has none; NULL: there is no such item. */
const char *record_find(const struct record *r, enum record_kind kind);

bool record_has(const struct record *r, enum record_kind kind, const char *path);

/* Adds each kind and path only once. Returns 0, or -1: no room or memory. */
int record_add(struct record *r, enum record_kind kind, const char *path);

/* Removes item i. */
void record_remove(struct record *r, size_t i);

/* Creates the missing folders of path, after recording each. Returns 0, or -1 and *why. */
int record_folder(struct record *r, const char *path, struct reason *why);

/* Writes the record, or removes it if it is empty. Returns 0, or -1 and *why. */
int record_write(const struct record *r, struct reason *why);

#endif
