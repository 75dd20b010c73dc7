/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_BLANK_H
#define CATRUST_BLANK_H

#include "base/reason.h"
#include "system/linkers.h"

/*
 * An empty library, for programs of a linker that can't load libcatrust.so: if /etc/ld.so.preload
 * names a missing library, each program complains at its start. Writes it to path. Returns 0, or -1
 * and *why.
 */
int blank_write(const struct linker *linker, const char *path, struct reason *why);

#endif
