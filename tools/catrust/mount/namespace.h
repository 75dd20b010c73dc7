/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_NAMESPACE_H
#define CATRUST_NAMESPACE_H

#include "base/reason.h"

/*
 * Gives this process a mount namespace of its own: what is mounted from then on is seen by it and
 * its children alone, while what the host mounts goes on to be seen here. Where the caller may not
 * do that, it is within a user namespace of its own, in which user and group stay who they are (see
 * user_namespaces(7)): other users and groups then have no name, and set-user-ID programs no
 * effect. To be called while there is one thread. Returns 0, or -1 and *why: what says no, and what
 * to do.
 */
int namespace_enter(struct reason *why);

#endif
