/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TRUSTED_H
#define CATRUST_TRUSTED_H

#include "anchors/trustdir.h"

#include <limits.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

/* The contents of the trust directories, as certificates. */
struct trusted {
	struct anchors *anchors;
	X509 **cert; /* for each of anchors; NULL if OpenSSL can't read it */
};

/* Reads the environment. dir, if not NULL, is --dir, and replaces everything else. */
struct trustdir_sources trusted_sources(const char *dir);

/* Returns 0 and *ret, to be freed with trusted_clear(), or -1: out of memory. */
int trusted_read(const struct trustdir_sources *sources, struct trusted *ret);

void trusted_clear(struct trusted *t);

/* The file that holds cert, or NULL. */
const char *trusted_file_of(const struct trusted *t, const X509 *cert);

/* The directory or file number index of sources, without CATRUST_PEM. false: there are fewer, or
 * its name is too long to exist. */
bool trusted_path(const struct trustdir_sources *sources, size_t index, char buf[PATH_MAX]);

#endif
