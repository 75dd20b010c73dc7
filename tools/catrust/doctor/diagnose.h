/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_DIAGNOSE_H
#define CATRUST_DIAGNOSE_H

#include <stdbool.h>

/*
 * What is known about failures of verification: what the cause is, what fixes it, and whether
 * adding a CA does. Pure: no I/O, no certificates.
 */

/* Why a chain ends at no trust anchor: OpenSSL's codes do not tell these apart. */
enum diagnose_gap {
	GAP_NONE,		  /* another kind of error */
	GAP_UNKNOWN_ROOT,	  /* the root is known, but not trusted */
	GAP_UNKNOWN_ISSUER,	  /* a CA is missing that is not to be found */
	GAP_UNSENT_ISSUER,	  /* the same, and CAs are trusted that may stand above it */
	GAP_MISSING_INTERMEDIATE, /* the root is trusted; a CA below it is not sent */
	GAP_WRONG_INTERMEDIATE,	  /* the same, and another one of its name is sent */
	GAP_REKEYED_ROOT,	  /* trusted is one of its name with another key */
	GAP_SELF_SIGNED,	  /* the server's own certificate, which is no CA's */
	GAP_INTERMEDIATE_ONLY,	  /* an intermediate CA is trusted, its root is not */
};

struct diagnose_gap_facts {
	int code;
	bool self_signed; /* the server's own certificate */
	bool root_found;  /* sent, fetched or known here */
	bool root_trusted;
	bool ca_unsent;	       /* a CA between the server's own and the root */
	bool namesake_trusted; /* of the topmost CA; its key is another */
	bool namesake_sent;    /* of a CA that is not sent; its key is another */
	bool anchors_trusted;  /* there are CAs in the trust directories */
};

enum diagnose_gap diagnose_gap(const struct diagnose_gap_facts *facts);

struct diagnosis {
	const char *cause, *fix; /* for the user, without a full stop */
	bool ca_helps;		 /* adding a CA, or another copy of it */
	bool relax;		 /* CATRUST_STRICT=relax forgives it */
};

/* depth: 0 is the server's own certificate. Never NULL. */
const struct diagnosis *diagnose_code(int code, int depth, enum diagnose_gap gap);

/* Does an error of this code say that no trust anchor was reached? */
bool diagnose_is_gap(int code);

/* A mere consequence of a missing issuer, which says nothing of its own? */
bool diagnose_is_consequence(int code);

/* Why a bundle can't be loaded: OpenSSL's error, or else an errno. Never NULL. */
const struct diagnosis *diagnose_bundle(int os_error, unsigned long error);

#endif
