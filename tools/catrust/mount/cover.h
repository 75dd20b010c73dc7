/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_COVER_H
#define CATRUST_COVER_H

#include "base/reason.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* A file as it is to be seen. */
struct cover_file {
	char name[2 * NAME_MAX +
		  2]; /* in its folder, or with one folder before it: "corp.example/x" */
	char *data;
	size_t len;
};

/* Does a folder have certificates under the names by which OpenSSL looks for them
 * (openssl-rehash(1))? */
bool cover_is_hashed(const char *folder);

/* Is what a folder holds besides the files seen as well? */
enum cover_rest { COVER_KEEP_REST, COVER_HIDE_REST };

/*
 * Mounts a copy of a folder over it, read-only, with these files in it instead of those of their
 * names. All that is in it belongs to the caller, unless that is root. A copy in memory, not the
 * files alone: what is mounted over a file is gone when the host renames a new one to its place.
 * Folders in it are the same as before, and so are links; of what the caller can't read there is no
 * copy. In a mount namespace of the caller's own. Returns 0, or -1 and *why.
 */
int cover_folder(const char *folder, enum cover_rest rest, const struct cover_file *files,
		 size_t count, struct reason *why);

#endif
