/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_FINGERPRINT_H
#define CATRUST_FINGERPRINT_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	FINGERPRINT_SIZE = 32,
	FINGERPRINT_TEXT = 3 * FINGERPRINT_SIZE, /* AB:CD:..., with the final NUL */
};

/* SHA-256 of a certificate's DER. */
struct fingerprint {
	unsigned char byte[FINGERPRINT_SIZE];
};

/*
 * Reads [sha256:]HEX, with colons between the bytes or without, or what openssl x509 -fingerprint
 * prints. NULL and *ret, or what is wrong.
 */
const char *fingerprint_parse(const char *text, struct fingerprint *ret);

/* Returns buf. */
char *fingerprint_text(const struct fingerprint *f, char buf[FINGERPRINT_TEXT]);

/* Returns 0, or -1 if the certificate can't be encoded. */
int fingerprint_of(const X509 *cert, struct fingerprint *ret);

bool fingerprint_equal(const struct fingerprint *a, const struct fingerprint *b);

/* Fingerprints given on the command line. */
enum { FINGERPRINTS_MAX = 64 };

struct fingerprints {
	struct fingerprint item[FINGERPRINTS_MAX];
	size_t count;
};

bool fingerprints_have(const struct fingerprints *list, const X509 *cert);

#endif
