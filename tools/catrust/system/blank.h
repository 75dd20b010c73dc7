/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_BLANK_H
#define CATRUST_BLANK_H

#include "base/reason.h"
#include "system/linkers.h"

/*
 * A library with nothing in it, for the programs of a linker that libcatrust.so is not for: where
 * /etc/ld.so.preload names a library that is not there, each of them says so at its start. Written
 * to path. Returns 0, or -1 and *why.
 */
int blank_write(const struct linker *linker, const char *path, struct reason *why);

#endif
