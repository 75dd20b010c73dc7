/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_AIAFETCH_H
#define CATRUST_AIAFETCH_H

#include "base/reason.h"
#include "certs/aia.h"

#include <openssl/x509.h>
#include <stdbool.h>

struct aiafetch_options {
	const char *proxy; /* a URL; "": none; NULL: the environment's */
	bool local;	   /* web servers on this machine and its link may be asked */
	int timeout_ms;	   /* for one answer, at most AIA_MAX_MS */
	int all_ms;	   /* for all answers; 0: AIA_MAX_ALL_MS */
};

/*
 * Fetches the issuers above cert, up to a self-signed one or one that knows, given by done, is
 * enough. Each is accepted only if it issued the one below it. Returns those that were found, the
 * lowest first, and, where it ended early, *why; NULL: out of memory. Nothing of it is verified
 * beyond that.
 */
STACK_OF(X509) * aiafetch_issuers(X509 *cert, bool (*done)(void *arg, X509 *cert), void *arg,
				  const struct aiafetch_options *options, struct reason *why);

#endif
