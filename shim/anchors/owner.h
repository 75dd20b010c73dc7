/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_OWNER_H
#define CATRUST_OWNER_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * Whose files and directories may say what is trusted. Each function returns the reason not to
 * trust, or NULL. user: the user who started the program; NULL: this program's.
 */

/*
 * Is it on a read-only mount, owned by a user without a number in the user namespace? In a sandbox
 * that has the machine's /etc, or a container into which root of the machine mounts files, root has
 * no number. On a read-only mount, such files in /etc can be relied on, like the system's CAs.
 */
bool owner_is_the_systems(int fd, const struct stat *st);

/*
 * For an open file or directory. system: it is the system's trust directory, or in it, and no link
 * led there.
 */
const char *owner_mistrust(int fd, const struct stat *st, const uid_t *user, bool system);

/*
 * For an entry of a directory that other users may write to. Checks the entry itself, not what it
 * links to, because others can add links to files that are trusted for something else.
 */
const char *owner_mistrust_entry(const struct stat *entry, const uid_t *user);

/* The same for an entry of a sticky directory that does not belong to another user. */
const char *owner_mistrust_link(const struct stat *entry);

#endif
