/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_ENVBUNDLE_H
#define CATRUST_ENVBUNDLE_H

#include "base/reason.h"
#include "store/trusted.h"

#include <limits.h>
#include <stdbool.h>

/*
 * Merged bundles in files: what the program trusts already, and the anchors. A file is named after
 * what is in it, so that runs side by side and runs within runs agree.
 */
struct envbundle {
	const struct trusted *trusted;
	int dir; /* where they are kept */
	char dir_path[PATH_MAX];
};

/* The name: this, some bytes of a digest in hexadecimal, and an ending. */
#define ENVBUNDLE_PREFIX "bundle-"
enum {
	ENVBUNDLE_KEY_BYTES = 8,
	ENVBUNDLE_STEM_SIZE = sizeof(ENVBUNDLE_PREFIX) + 2 * ENVBUNDLE_KEY_BYTES,
};
#define ENVBUNDLE_PEM ".pem"
#define ENVBUNDLE_PKCS12 ".p12"

/* Returns 0, or -1 and *why if there is no safe place. To be closed with envbundle_close(). */
int envbundle_open(struct envbundle *ret, const struct trusted *trusted, struct reason *why);

void envbundle_close(struct envbundle *b);

/* Is there anything to merge: an anchor that may vouch for every name? */
bool envbundle_wanted(const struct trusted *trusted);

enum envbundle_result {
	ENVBUNDLE_DONE,
	ENVBUNDLE_NOTHING, /* there is no certificate in what was to be merged */
	ENVBUNDLE_FAILED,
};

/*
 * The anchors behind the certificates of the file or directory path; NULL: the anchors alone. The
 * file's path is written to ret. *why unless ENVBUNDLE_DONE.
 */
enum envbundle_result envbundle_of(const struct envbundle *b, const char *path, char ret[PATH_MAX],
				   struct reason *why);

/* A file of certificates, or else a trust store of Java's. */
struct envbundle_source {
	const char *pem;
	const char *store;
	const char *password; /* of store, NULL: not known */
};

/* The password of what is made, which opens without it as well. */
#define ENVBUNDLE_PASSWORD "changeit"

/* The same as a trust store for Java. The bundle stands beside it, with the other ending. */
enum envbundle_result envbundle_store(const struct envbundle *b,
				      const struct envbundle_source *source, char ret[PATH_MAX],
				      struct reason *why);

/* The anchors behind what programs trust by default: SSL_CERT_FILE, or else the system's bundle,
 * and SSL_CERT_DIR. */
enum envbundle_result envbundle_default(const struct envbundle *b, char ret[PATH_MAX],
					struct reason *why);

#endif
