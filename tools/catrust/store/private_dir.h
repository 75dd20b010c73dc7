/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_PRIVATE_DIR_H
#define CATRUST_PRIVATE_DIR_H

#include "base/reason.h"

#include <limits.h>
#include <stddef.h>

/*
 * Where files are kept that programs shall trust later: a directory of this user's that no other
 * user may change, below XDG_RUNTIME_DIR, else (for root) /run, else the user's cache, else /tmp.
 * What root keeps, others may read, since a service started by root often goes on as another user.
 * Returns a descriptor and its path in *path, or -1 and *why.
 */
int private_dir_open(char path[PATH_MAX], struct reason *why);

/*
 * Sees to it that the file name in dir holds data and is this user's own: left alone if that is
 * so, else written whole or not at all. Returns 0 or a negative errno.
 */
int private_dir_put(int dir, const char *name, const char *data, size_t len);

#endif
