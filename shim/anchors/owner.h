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
 * Where a sandbox has the machine's /etc, or a container has what root of the machine mounts there,
 * root has no number in the user namespace. On a read-only mount, what such a user has in /etc is
 * for all to rely on, like the CAs of the system. Is it such a file or directory?
 */
bool owner_is_the_systems(int fd, const struct stat *st);

/*
 * An open file or directory. system: it is the system's trust directory, or in it, and no link led
 * there.
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
