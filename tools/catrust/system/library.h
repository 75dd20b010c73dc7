/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LIBRARY_H
#define CATRUST_LIBRARY_H

#include "base/reason.h"

#include <limits.h>

/* The path of libcatrust.so that catrust-run would preload. Returns 0, or -1 and *why. */
int library_find(char path[PATH_MAX], struct reason *why);

/*
 * May every program load it, root's too: is it there, root's alone to write, and for all to read?
 * So must be all folders above. Returns 0, or -1 and *why.
 */
int library_check(const char *path, struct reason *why);

/* The same of any file and of every part of its path, as it is written and where links lead to; not
 * of what is in it. */
int library_check_path(const char *path, struct reason *why);

#endif
