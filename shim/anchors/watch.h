/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_WATCH_H
#define CATRUST_WATCH_H

#include "anchors/reading.h"

#include <stdbool.h>
#include <sys/stat.h>

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

#endif
