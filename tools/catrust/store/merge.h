/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_MERGE_H
#define CATRUST_MERGE_H

#include "base/reason.h"
#include "store/trusted.h"

#include <openssl/bio.h>
#include <openssl/x509.h>

/*
 * Certificates of several files in one, each once, and behind them the trust anchors. A file that
 * was made so says how many of its certificates are none: when it is merged again, in a run within
 * a run, only those count, so that an anchor that was taken away is gone.
 */
struct merge {
	STACK_OF(X509) * certs;
	int found; /* of certs: those that are there for another reason than being an anchor */
};

/* Returns 0, or -1: out of memory. */
int merge_init(struct merge *m);

void merge_clear(struct merge *m);

/*
 * Adds the certificates of a file, or of all files in a directory (not below). Private keys and
 * trust settings are left behind. Returns 0, or -1 and *why if there is no certificate in it.
 * To be called before merge_anchors().
 */
int merge_path(struct merge *m, const char *path, struct reason *why);

/* The same with a trust store of Java's. password may be NULL. */
int merge_store(struct merge *m, const char *path, const char *password, struct reason *why);

/* Adds the anchors that may vouch for every name: no reader of the file keeps to a scope. */
int merge_anchors(struct merge *m, const struct trusted *trusted);

/* Does a file that others will read hold each of these anchors? Returns 0, or -1 and *why. */
int merge_verify(const char *path, const struct trusted *trusted, struct reason *why);

/* The same of a trust store of Java's. password may be NULL. */
int merge_verify_store(const char *path, const char *password, const struct trusted *trusted,
		       struct reason *why);

/* As PEM. Returns 0, or -1: out of memory. */
int merge_pem(const struct merge *m, BIO *to);

#endif
