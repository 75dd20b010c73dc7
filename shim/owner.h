/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_OWNER_H
#define CATRUST_OWNER_H

#include <sys/stat.h>

/* Whose files and directories may say what is trusted. Each returns what is against it, or NULL. */

/* An open file or directory. */
const char *owner_mistrust(int fd, const struct stat *st);

/*
 * In a sticky directory, others can add links to what is trusted for something else. What is
 * against an entry of it, or NULL; found: the entry itself, not what it leads to.
 */
const char *owner_mistrust_entry(int dir, const char *name, struct stat *found);

/* Is it still the same one? Another may have been there for the moment in which it was opened. */
const char *owner_mistrust_opened(int dir, const char *name, const struct stat *before);

#endif
