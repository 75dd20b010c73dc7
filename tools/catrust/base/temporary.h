/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TEMPORARY_H
#define CATRUST_TEMPORARY_H

enum { TEMPORARY_NAME = 64 };

/*
 * Makes a new file with mode 0600 in dir, under a hidden name that nobody else has, so that no
 * reader takes it for a certificate. First removes such files that killed runs have left. Returns a
 * descriptor, or a negative errno.
 */
int temporary_make(int dir, char name[TEMPORARY_NAME]);

#endif
