/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_OWNER_H
#define CATRUST_OWNER_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * Whose files and directories may say what is trusted. Each returns what is against it, or NULL.
 * user: the one that the program was started as; NULL: this program.
 */

/*
 * An open file or directory. system: it is the system's trust directory, or in it, and no link led
 * there. Then it may also be nobody's in a user namespace that has no number for its owner, if it
 * is on a read-only mount.
 */
const char *owner_mistrust(int fd, const struct stat *st, const uid_t *user, bool system);

/*
 * An entry of a directory that others may write to, itself and not what it leads to: they can add
 * links to what is trusted for something else.
 */
const char *owner_mistrust_entry(const struct stat *entry, const uid_t *user);

/* The same of an entry of a sticky directory that is not another user's. */
const char *owner_mistrust_link(const struct stat *entry);

#endif
