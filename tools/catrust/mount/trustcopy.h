/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TRUSTCOPY_H
#define CATRUST_TRUSTCOPY_H

#include "anchors/trustdir.h"
#include "base/reason.h"

/*
 * Trust directories in a user namespace. Only the user has a number there: root's files seem to
 * belong to nobody, and the library would not trust them. If that changes what is trusted, a copy
 * that belongs to the user, with what was trusted before, covers the directory.
 */
struct trustcopy {
	struct trustcopy_dir *dir;
	size_t count;
};

/* Before namespace_enter(): reads each directory of sources. Returns 0, or -1 and *why; free *ret
 * with trustcopy_clear() in both cases. sources must live as long. */
int trustcopy_read(const struct trustdir_sources *sources, struct trustcopy *ret,
		   struct reason *why);

/* Afterwards: makes the same certificates trusted as before, or returns -1 and *why. */
int trustcopy_cover(const struct trustcopy *t, struct reason *why);

void trustcopy_clear(struct trustcopy *t);

#endif
