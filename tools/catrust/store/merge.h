/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_MERGE_H
#define CATRUST_MERGE_H

#include "base/reason.h"
#include "store/trusted.h"

#include <openssl/bio.h>
#include <openssl/x509.h>

/*
 * Certificates from several files, each once, followed by the trust anchors. The merged file says
 * how many certificates are not anchors. If it is merged again, in a run within a run, only those
 * count, so a removed anchor does not come back.
 */
struct merge {
	STACK_OF(X509) * certs;
	int found; /* of certs: those that are not there only as anchors */
};

/* Returns 0, or -1: out of memory. */
int merge_init(struct merge *m);

void merge_clear(struct merge *m);

/*
 * Adds the certificates of a file, or of all files in a directory (without subdirectories). Leaves
 * out private keys and trust settings. Returns 0, or -1 and *why if there is no certificate. Must
 * be called before merge_anchors().
 */
int merge_path(struct merge *m, const char *path, struct reason *why);

/* The same for a Java trust store. password may be NULL. */
int merge_store(struct merge *m, const char *path, const char *password, struct reason *why);

/* Adds the anchors that may vouch for every name; the file's readers know no scopes. */
int merge_anchors(struct merge *m, const struct trusted *trusted);

/* Does a file that others will read contain all these anchors? Returns 0, or -1 and *why. */
int merge_verify(const char *path, const struct trusted *trusted, struct reason *why);

/* The same for a Java trust store. password may be NULL. */
int merge_verify_store(const char *path, const char *password, const struct trusted *trusted,
		       struct reason *why);

/* Writes PEM. Returns 0, or -1: out of memory. */
int merge_pem(const struct merge *m, BIO *to);

#endif
