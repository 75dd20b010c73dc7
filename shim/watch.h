/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_WATCH_H
#define CATRUST_WATCH_H

#include "reading.h"

#include <stdbool.h>
#include <sys/stat.h>

/* st: of the opened file, so that nothing slips in between; NULL where it could not be opened. */
void watch_add(struct reading *r, const char *path, const struct stat *st);

/* Does an errno say that there is nothing of that name? */
bool watch_is_missing(int error);

#endif
