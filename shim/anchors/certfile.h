/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CERTFILE_H
#define CATRUST_CERTFILE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Certificates out of the bytes of one file: PEM (RFC 7468, and OpenSSL's TRUSTED CERTIFICATE),
 * DER, or the certificates of a PKCS#7 SignedData (RFC 2315) in either. The content decides, not
 * the name. Only the outer framing is looked at: whether a certificate is any good is for an X.509
 * library to say.
 */

/* More certificates than this in one file are a mistake: the file is refused as a whole. */
enum { CERTFILE_MAX_CERTS = 4096 };

/* Where in the file something was found. */
struct certfile_place {
	bool is_line; /* a line of text, counted from 1; else an offset in bytes, from 0 */
	size_t at;
};

struct certfile_sink {
	/* One certificate. der is valid during the call only. false: out of memory, stop. */
	bool (*cert)(void *arg, const unsigned char *der, size_t len, struct certfile_place place);
	/* Something that is not taken, and why. The rest of the file still counts. */
	void (*problem)(void *arg, struct certfile_place place, const char *reason);
	void *arg;
};

/*
 * Calls sink for all that is found, in the order of the file.
 * Returns 0, -ENOMEM (also when sink->cert said so), or -E2BIG above CERTFILE_MAX_CERTS; after an
 * error, the certificates of this file that the sink already has should be dropped.
 */
int certfile_parse(const unsigned char *data, size_t len, const struct certfile_sink *sink);

#endif
