/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_FILENAME_H
#define CATRUST_FILENAME_H

#include "certs/fingerprint.h"

#include <stddef.h>

enum {
	FILENAME_SLUG = 48,
	FILENAME_SIZE = FILENAME_SLUG + sizeof("-12345678.pem"),
};

/*
 * <slug of name>-<first 8 digits of the fingerprint>.pem. The slug is made of a-z, 0-9 and single
 * hyphens, and is never empty. Returns buf.
 */
char *filename_for(const unsigned char *name, size_t len, const struct fingerprint *f,
		   char buf[FILENAME_SIZE]);

/* The same for a certificate: by its common name, or else its unit or organization. Returns buf, or
 * NULL if it has no fingerprint. */
char *filename_of(const X509 *cert, char buf[FILENAME_SIZE]);

#endif
