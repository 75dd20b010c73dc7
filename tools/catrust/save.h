/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SAVE_H
#define CATRUST_SAVE_H

#include "trustdir.h"
#include "why.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/x509.h>

/* What the comment above a saved certificate says. */
struct save_origin {
	const char *source;
	const char *confirmed;
};

/* Writes cert as PEM with its comment. Returns 0, or -1: out of memory. */
int save_render(const X509 *cert, const struct save_origin *origin, BIO *to);

/* The directory that a new certificate goes to. Returns 0 and dir, or -1 and *why. */
int save_directory(const struct trustdir_sources *sources, char dir[PATH_MAX], struct why *why);

/* Would a certificate saved in dir count, as far as can be told before? Returns 0, or -1 and *why.
 */
int save_check(const char *dir, const X509 *cert, const struct trustdir_sources *sources,
	       struct why *why);

/*
 * Saves cert in dir, which is made if it is missing. Whole or not at all, and never over another
 * file. Returns 0 and the path, or -1 and *why.
 */
int save_certificate(const char *dir, const X509 *cert, const struct save_origin *origin,
		     const struct trustdir_sources *sources, char path[PATH_MAX], struct why *why);

#endif
