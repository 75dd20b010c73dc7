/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_HINT_H
#define CATRUST_HINT_H

#include "policy/verification.h"

/*
 * Messages for CATRUST_LOG=info. Says what was trusted because of catrust, once per process and
 * anchor. For a failed verification of a server, one line says why it failed and what fixes it. The
 * same error of the same host is logged once a minute, with a count, and all hosts together get at
 * most 60 lines a minute.
 */
void hint_used(const struct verification *v, struct trust_anchor *anchor);
void hint_failed(const struct verification *v);

/* The same for a verification that is left to the program, although an anchor has a name for it. */
void hint_passed(const struct verification *v);

/* What fixes a failed verification. It has no side effects, so that it can be tested. */
enum remedy {
	REMEDY_FETCH,  /* trust the issuer: catrust fetch */
	REMEDY_PIN,    /* trust the server's own certificate: catrust fetch --pin */
	REMEDY_STRICT, /* CATRUST_STRICT=relax */
	REMEDY_SCOPE,  /* the anchor is there, but for other names */
	REMEDY_RENEW,  /* a date: renew the certificate, or correct the clock */
	REMEDY_NAME,   /* use another name, or a certificate for this name */
	REMEDY_NO_CA,  /* the server's certificates are wrong; adding a CA does not help */
};
enum remedy hint_remedy(int error, bool strict_would_do);

#endif
