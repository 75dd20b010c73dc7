/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_DIAGNOSE_H
#define CATRUST_DIAGNOSE_H

#include <stdbool.h>

/*
 * Facts about failures of verification: the cause, the fix, and whether adding a CA helps. Pure: no
 * I/O, no certificates.
 */

/* Why a chain does not end at a trust anchor. OpenSSL's codes do not distinguish these. */
enum diagnose_gap {
	GAP_NONE,		  /* another kind of error */
	GAP_UNKNOWN_ROOT,	  /* the root is known, but not trusted */
	GAP_UNKNOWN_ISSUER,	  /* a CA is missing and was not found */
	GAP_UNSENT_ISSUER,	  /* the same, and trusted CAs may be above it */
	GAP_MISSING_INTERMEDIATE, /* the root is trusted; a CA below it is not sent */
	GAP_WRONG_INTERMEDIATE,	  /* the same, and another one with its name is sent */
	GAP_REKEYED_ROOT,	  /* a trusted CA has the same name, but another key */
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

/* Does this error code mean that no trust anchor was reached? */
bool diagnose_is_gap(int code);

/* Does this error only follow from a missing issuer? */
bool diagnose_is_consequence(int code);

/* Why a bundle can't be loaded: OpenSSL's error, or an errno. Never NULL. */
const struct diagnosis *diagnose_bundle(int os_error, unsigned long error);

#endif
