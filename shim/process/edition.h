/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_EDITION_H
#define CATRUST_EDITION_H

#include "anchors/retire.h"
#include "anchors/trustdir.h"

#include <stdint.h>

/*
 * The trust directories as this process has read them last: one edition, that all copies of OpenSSL
 * share. A look at the directories, at most once in 0.8 seconds, replaces it when something has
 * changed; the next one comes later if a look takes long, so that looking takes 1 % of a core, and
 * reading what changes 10 %, but within a minute; and sooner, after 0.1 seconds, if not all could
 * be read. Without locks: a fork at any point leaves the child with a whole edition.
 */
struct edition {
	struct retired retired; /* first */
	struct anchors *anchors;
	_Atomic uint64_t generation; /* from 1; the same as long as the same is trusted */
	_Atomic bool told;	     /* its problems, or the same ones before */
};

/* Looks at the directories if it is time to. */
void edition_refresh(void);

/*
 * The present edition, or NULL if none could be read yet. It stays valid until edition_leave(),
 * which is owed in either case.
 */
const struct edition *edition_enter(void);
void edition_leave(void);

/*
 * The present anchors as they were read, except those that are not sound (sound.h), for use without
 * any OpenSSL. each is called for all, or until it returns false.
 */
void edition_each(bool (*each)(void *arg, const struct anchor *anchor), void *arg);

#endif
