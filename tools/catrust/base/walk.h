/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_WALK_H
#define CATRUST_WALK_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Opens the directory path one name at a time, so that nobody who owns a part of the path can lead
 * the caller to another place: a symbolic link is followed only if it belongs to root or to the
 * user. make: directories that are missing are made,
 * open to all readers: trust is no secret. Returns a descriptor, or a negative errno;
 * -ELOOP: a link that is not followed, or too many links.
 */
int walk_directory(const char *path, bool make);

/*
 * Like mkdirat(), with this mode whatever the umask. The mode is not changed afterwards, because
 * another user could have replaced the directory by then. Returns 0 or a negative errno.
 */
int walk_make(int dir, const char *name, mode_t mode);

#endif
