/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SAVE_H
#define CATRUST_SAVE_H

#include "anchors/trustdir.h"
#include "base/reason.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/x509.h>
#include <stdbool.h>

/* Data for the comment above a saved certificate. */
struct save_origin {
	const char *source;
	const char *confirmed;
};

/* Writes cert as PEM with its comment. Returns 0, or -1: out of memory. */
int save_render(const X509 *cert, const struct save_origin *origin, BIO *to);

/* The directory for a new certificate. Returns 0 and dir, or -1 and *why. */
int save_directory(const struct trustdir_sources *sources, char dir[PATH_MAX], struct reason *why);

/* Where to save a certificate: in a trust directory, or in a scope's directory within it. */
struct save_place {
	const char *dir;
	const char *scope; /* NULL: none */
};

/* Would a certificate saved there be trusted, as far as can be known? Returns 0, or -1 and *why. */
int save_check(const struct save_place *place, const X509 *cert,
	       const struct trustdir_sources *sources, struct reason *why);

/* Saves cert there, and creates missing directories. Writes it whole or not at all, and never over
 * another file. Returns 0, the path, and whether this call created the file, or -1 and *why. */
int save_certificate(const struct save_place *place, const X509 *cert,
		     const struct save_origin *origin, const struct trustdir_sources *sources,
		     char path[PATH_MAX], bool *made, struct reason *why);

/* Removes what save_certificate() created, and a scope's directory if it is then empty. */
void save_undo(const struct save_place *place, const X509 *cert);

#endif
