/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_NAMESPACE_H
#define CATRUST_NAMESPACE_H

#include "base/reason.h"

/*
 * Gives this process a mount namespace of its own: only it and its children see later mounts, but
 * they still see the host's new mounts. If the caller lacks the right, it also gets a user
 * namespace of its own, with the same user and group (see user_namespaces(7)); there, other users
 * and groups have no name, and set-user-ID programs have no effect. Must be called while there is
 * one thread. Returns 0, or -1 and *why: the obstacle, and what to do.
 */
int namespace_enter(struct reason *why);

#endif
