/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_COVER_H
#define CATRUST_COVER_H

#include "base/reason.h"

#include <limits.h>
#include <openssl/bio.h>
#include <stdbool.h>
#include <stddef.h>

/* A file as programs should see it. */
struct cover_file {
	char name[2 * NAME_MAX + 2]; /* in its folder, or one folder below: "corp.example/x" */
	char *data;
	size_t len;
};

/* Files that are added one by one. Starts as zeros. */
struct cover_files {
	struct cover_file *file;
	size_t count, room;
};

bool cover_has(const struct cover_files *files, const char *name);
/* The file of that name, an empty one if it is new. NULL: out of memory. Valid until the next one.
 */
struct cover_file *cover_file(struct cover_files *files, const char *name);
/* Appends what is in text, a memory BIO. Returns false if that is nothing, or out of memory. */
bool cover_append(struct cover_file *file, BIO *text);
void cover_files_clear(struct cover_files *files);

/* Does a folder have certificates under OpenSSL's hashed names (openssl-rehash(1))? */
bool cover_is_hashed(const char *folder);

/* Do programs also see the rest of the folder? */
enum cover_rest { COVER_KEEP_REST, COVER_HIDE_REST };

/*
 * Mounts a read-only copy of a folder over it, with these files in place of those of the same
 * names. Everything in it belongs to the caller, unless the caller is root. It is a copy in memory,
 * because a mount over a single file is gone when the host renames a new file to its place. Folders
 * in it stay the same folders, and links stay links; files that the caller can't read are not
 * copied. Requires a mount namespace of the caller's own. Returns 0, or -1 and *why.
 */
int cover_folder(const char *folder, enum cover_rest rest, const struct cover_files *files,
		 struct reason *why);

#endif
