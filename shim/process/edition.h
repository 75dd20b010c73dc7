/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_EDITION_H
#define CATRUST_EDITION_H

#include "anchors/trustdir.h"
#include "libc/retire.h"

#include <stdint.h>

/*
 * The trust directories as this process last read them: one edition, which all copies of OpenSSL
 * share. At most once in 0.8 seconds, a look at the directories replaces the edition if something
 * has changed. If a look takes long, the next one comes later, so that looking takes 1 % of a core,
 * and reading changes 10 %, but within a minute. If something could not be read, the next look
 * comes sooner, after 0.1 seconds. There are no locks: a fork at any point leaves the child with a
 * whole edition.
 */
struct edition {
	struct retired retired; /* first */
	struct anchors *anchors;
	_Atomic uint64_t
		generation; /* from 1; changes only when the set of trusted certificates changes */
	_Atomic bool told;  /* its problems were logged, or the same ones before */
};

/* Looks at the directories if it is time to. */
void edition_refresh(void);

/*
 * The present edition, or NULL if none could be read yet. It is valid until edition_leave(), which
 * must be called in either case.
 */
struct edition *edition_enter(void);
void edition_leave(void);

/*
 * Calls each for the present anchors as they were read, without those that are not sound (sound.h),
 * until it returns false. For use without any OpenSSL.
 */
void edition_each(bool (*each)(void *arg, const struct anchor *anchor), void *arg);

#endif
