/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TEMPORARY_H
#define CATRUST_TEMPORARY_H

enum { TEMPORARY_NAME = 64 };

/*
 * Makes a new file of mode 0600 in dir, under a hidden name that nobody else has: no reader takes
 * it for a certificate. What a run that was killed has left of the kind is removed first. Returns a
 * descriptor, or a negative errno.
 */
int temporary_make(int dir, char name[TEMPORARY_NAME]);

#endif
