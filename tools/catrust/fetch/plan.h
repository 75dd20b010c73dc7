/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_PLAN_H
#define CATRUST_PLAN_H

#include "base/reason.h"
#include "certs/fingerprint.h"
#include "fetch/import.h"
#include "store/scopes.h"
#include "verify/dryrun.h"

#include <openssl/x509.h>
#include <stdbool.h>

/*
 * What catrust fetch would save for a server, and whether it would: decided here alone, so that
 * doctor advises what fetch does. Nothing is printed, asked or written.
 */

struct fetch;

struct plan_wish {
	bool pin, with_intermediate;		 /* as the options of these names */
	const struct fingerprints *fingerprints; /* of --fingerprint; none: the user is asked */
	struct scopes scopes;			 /* of --scope; none: every name */
};

enum plan_result {
	PLAN_SAVES,
	PLAN_TRUSTED, /* the candidate is, as asked for; what goes with it may not be */
	PLAN_REFUSED,
};

/* What Python would say with what is to be saved. */
struct verdict {
	bool known;
	struct dryrun older, newer; /* Python up to 3.12, and from 3.13 on */
};

struct plan {
	enum plan_result result;
	struct reason why;   /* of PLAN_REFUSED, for the user */
	X509 *candidate;     /* one of the chain's; NULL: none was chosen */
	const char *because; /* why this one, for the user; NULL: refused before it was looked at */
	STACK_OF(X509) * below; /* what --with-intermediate saves with it */
	struct scopes scopes;	/* what the candidate is to vouch for; none: every name */
	struct scopes wider;	/* refused for want of these; none: for another reason */
	struct reason no_scope; /* refused since no scope would do, and why; or "" */
	struct reason
		pin_names; /* what else its certificate names, for which a pin vouches; or "" */
	bool pin_too_wide; /* the same: a name of its certificate is too much for a pin */
	struct verdict verdict, with_below; /* with what is to be saved; and with below as well */
};

/* Of a fetch that is connected, its trust directories read. Returns 0 and *ret, to be freed with
 * plan_clear(), or -1: out of memory. */
int plan_make(const struct fetch *f, const struct plan_wish *wish, struct plan *ret);

void plan_clear(struct plan *plan);

/* Would Python accept the server with below saved as well, and not without? */
bool plan_below_helps(const struct plan *plan);

/* The candidate on its way to the trust directory. */
struct import plan_import(const struct fetch *f, bool pin, const struct plan *plan);

#endif
