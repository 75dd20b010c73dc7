/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_PRIVATE_DIR_H
#define CATRUST_PRIVATE_DIR_H

#include "base/reason.h"

#include <limits.h>
#include <stddef.h>

/*
 * The place for files that programs will trust later: a directory of this user that no other user
 * can change, below XDG_RUNTIME_DIR, else (for root) /run, else the user's cache, else /tmp. Others
 * can read root's files, because a service started by root often continues as another user. Returns
 * a descriptor and its path in *path, or -1 and *why.
 */
int private_dir_open(char path[PATH_MAX], struct reason *why);

/* Ensures that the file name in dir contains data and belongs to this user: leaves it if it does,
 * otherwise writes it whole or not at all. Returns 0 or a negative errno. */
int private_dir_put(int dir, const char *name, const char *data, size_t len);

#endif
