/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_HINT_H
#define CATRUST_HINT_H

#include "policy/verification.h"

/*
 * CATRUST_LOG=info: what was trusted because of catrust, once per process and anchor; and for a
 * verification of a server that failed, one line that says why and what fixes it. The same error of
 * the same host is told once a minute, with a count; and of all hosts, no more than 60 in a minute.
 */
void hint_used(const struct verification *v, struct trust_anchor *anchor);
void hint_failed(const struct verification *v);

/* The same log, of a verification that is left to the program though an anchor has a name for it.
 */
void hint_passed(const struct verification *v);

/* What fixes a failed verification; pure, for its tests. */
enum remedy {
	REMEDY_FETCH,  /* trust the issuer: catrust fetch */
	REMEDY_PIN,    /* trust the server's own certificate: catrust fetch --pin */
	REMEDY_STRICT, /* CATRUST_STRICT=relax */
	REMEDY_SCOPE,  /* the anchor is there, for other names */
	REMEDY_RENEW,  /* a date: renew, or set the clock right */
	REMEDY_NAME,   /* another name, or a certificate for this one */
	REMEDY_NO_CA,  /* the server's certificates; no CA helps */
};
enum remedy hint_remedy(int error, bool strict_would_do);

#endif
