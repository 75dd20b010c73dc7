/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TRUSTCOPY_H
#define CATRUST_TRUSTCOPY_H

#include "anchors/trustdir.h"
#include "base/reason.h"

/*
 * Trust directories in a user namespace. Only the user has a number there: what belongs to root
 * seems to belong to nobody, and the library would not trust it. So where that changes what is
 * trusted, a copy of what was trusted before, which is the user's own, lies over the directory.
 */
struct trustcopy {
	struct trustcopy_dir *dir;
	size_t count;
};

/*
 * Before namespace_enter(): what each directory of sources holds. Returns 0, or -1 and *why; in
 * either case *ret is to be freed with trustcopy_clear(). sources must live as long.
 */
int trustcopy_read(const struct trustdir_sources *sources, struct trustcopy *ret,
		   struct reason *why);

/* After it: the same is trusted as before, or it returns -1 and *why. */
int trustcopy_cover(const struct trustcopy *t, struct reason *why);

void trustcopy_clear(struct trustcopy *t);

#endif
