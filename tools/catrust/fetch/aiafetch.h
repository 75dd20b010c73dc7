/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_AIAFETCH_H
#define CATRUST_AIAFETCH_H

#include "base/reason.h"
#include "certs/aia.h"

#include <openssl/x509.h>
#include <stdbool.h>

struct aiafetch_options {
	const char *proxy; /* a URL; "": none; NULL: from the environment */
	bool local;	   /* web servers on this machine and its link are allowed */
	int timeout_ms;	   /* for one answer, at most AIA_MAX_MS */
	int all_ms;	   /* for all answers; 0: AIA_MAX_ALL_MS */
};

/*
 * Fetches the issuers above cert, until one is self-signed or done says that it is known. An issuer
 * is accepted only if it issued the certificate below it; nothing else is verified. Returns the
 * issuers found, the lowest first, and *why if it ended early; NULL: out of memory.
 */
STACK_OF(X509) * aiafetch_issuers(X509 *cert, bool (*done)(void *arg, X509 *cert), void *arg,
				  const struct aiafetch_options *options, struct reason *why);

#endif
