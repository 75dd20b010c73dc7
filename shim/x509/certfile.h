/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CERTFILE_H
#define CATRUST_CERTFILE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Finds the certificates in the bytes of one file: PEM (RFC 7468, and OpenSSL's TRUSTED
 * CERTIFICATE), DER, or a PKCS#7 SignedData (RFC 2315) in either form. The content decides, not the
 * name of the file. This looks only at the outer structure; whether a certificate is valid is for
 * an X.509 library to say.
 */

/* More certificates than this in one file are a mistake: the whole file is refused. */
enum { CERTFILE_MAX_CERTS = 4096 };

/* Where in the file something was found. */
struct certfile_place {
	bool is_line; /* a line of text, counted from 1; otherwise an offset in bytes, from 0 */
	size_t at;
};

struct certfile_sink {
	/*
	 * One certificate. der is valid only during the call. Returns false if out of memory;
	 * reading then stops.
	 */
	bool (*cert)(void *arg, const unsigned char *der, size_t len, struct certfile_place place);
	/* Something that is not used, and why. The rest of the file still counts. */
	void (*problem)(void *arg, struct certfile_place place, const char *reason);
	void *arg;
};

/*
 * Calls sink for everything that is found, in the order of the file. Returns 0, -ENOMEM (also if
 * sink->cert said so), or -E2BIG above CERTFILE_MAX_CERTS. After an error, drop the certificates of
 * this file that the sink already has.
 */
int certfile_parse(const unsigned char *data, size_t len, const struct certfile_sink *sink);

#endif
