/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LIBRARY_H
#define CATRUST_LIBRARY_H

#include "base/reason.h"

#include <limits.h>

/* The path of the libcatrust.so that catrust-run would preload. Returns 0, or -1 and *why. */
int library_find(char path[PATH_MAX], struct reason *why);

/* Can every program safely load it, even root's? It must exist, be readable for all, and writable
 * only for root, and so must all folders above. Returns 0, or -1 and *why. */
int library_check(const char *path, struct reason *why);

/* The same for any file and every part of its path, both as written and after links; does not check
 * its contents. */
int library_check_path(const char *path, struct reason *why);

#endif
