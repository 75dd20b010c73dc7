/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_VARIABLES_H
#define CATRUST_VARIABLES_H

#include "base/reason.h"
#include "store/trusted.h"
#include "system/record.h"

#include <stdbool.h>

/*
 * For programs that no preload reaches: variables that name bundles of /var/lib/catrust, in the
 * files from which login shells, PAM and systemd take them.
 */
#define VARIABLES_BUNDLE RECORD_FOLDER "/bundle.pem"

/* What programs trust by default, with the anchors. Returns 0, or -1 and *why: among others, where
 * there is no anchor for every name and is_first. */
int variables_make_bundles(const struct trusted *trusted, bool is_first, struct reason *why);

/* Are they as that would make them? Returns 1, 0, or -1 and *why. */
int variables_are_current(const struct trusted *trusted, struct reason *why);

/* Writes the files that name them, each recorded first, where there is somebody to read them.
 * Returns 0, or -1 and *why. */
int variables_add(struct record *r, struct reason *why);

/* Takes the lines out of a file, or the bundles away. Return 0, or -1 and *why. */
int variables_remove_block(const char *path, struct reason *why);
int variables_remove_bundles(struct reason *why);

/* Is the file one that others write to as well? */
bool variables_is_shared(const char *path);

#endif
