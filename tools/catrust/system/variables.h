/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_VARIABLES_H
#define CATRUST_VARIABLES_H

#include "base/reason.h"
#include "store/trusted.h"
#include "system/record.h"

#include <stdbool.h>

/* For programs that preloading does not reach: variables that name bundles in /var/lib/catrust, in
 * the files that login shells, PAM and systemd read. */
#define VARIABLES_BUNDLE RECORD_FOLDER "/bundle.pem"

/* Writes the default bundles with the anchors. Returns 0, or -1 and *why: for example, if there is
 * no anchor for every name and is_first. */
int variables_make_bundles(const struct trusted *trusted, bool is_first, struct reason *why);

/* Are the bundles as that function would write them? Returns 1, 0, or -1 and *why. */
int variables_are_current(const struct trusted *trusted, struct reason *why);

/* Writes the files with the variables, after recording each, if something reads them. Returns 0, or
 * -1 and *why. */
int variables_add(struct record *r, struct reason *why);

/* Removes the lines from a file, or the bundles. Return 0, or -1 and *why. */
int variables_remove_block(const char *path, struct reason *why);
int variables_remove_bundles(struct reason *why);

/* Do others also write to the file? */
bool variables_is_shared(const char *path);

#endif
