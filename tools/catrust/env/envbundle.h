/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_ENVBUNDLE_H
#define CATRUST_ENVBUNDLE_H

#include "base/reason.h"
#include "store/trusted.h"

#include <limits.h>
#include <stdbool.h>

/* Merged bundles in files: what the program already trusts, and the anchors. A file's name depends
 * on its contents, so that parallel and nested runs share it. */
struct envbundle {
	const struct trusted *trusted;
	int dir; /* the directory of the files */
	char dir_path[PATH_MAX];
};

/* The name: this prefix, some bytes of a digest in hexadecimal, and an ending. */
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
	ENVBUNDLE_NOTHING, /* what should be merged has no certificate */
	ENVBUNDLE_FAILED,
};

/* The anchors after the certificates of the file or directory path; NULL: only the anchors. Writes
 * the file's path to ret. Sets *why unless ENVBUNDLE_DONE. */
enum envbundle_result envbundle_of(const struct envbundle *b, const char *path, char ret[PATH_MAX],
				   struct reason *why);

/* A file of certificates, or else a Java trust store. */
struct envbundle_source {
	const char *pem;
	const char *store;
	const char *password; /* of store; NULL: unknown */
};

/* The password of the new store, which also opens without one. */
#define ENVBUNDLE_PASSWORD "changeit"

/* The same as a Java trust store. The bundle is next to it, with the other ending. */
enum envbundle_result envbundle_store(const struct envbundle *b,
				      const struct envbundle_source *source, char ret[PATH_MAX],
				      struct reason *why);

/* The anchors after what programs trust by default: SSL_CERT_FILE, or else the system's bundle, and
 * SSL_CERT_DIR. */
enum envbundle_result envbundle_default(const struct envbundle *b, char ret[PATH_MAX],
					struct reason *why);

#endif
