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

/* Whether catrust fetch would save something for a server, and what. Only this code decides it, so
 * that doctor recommends what fetch does. It prints, asks and writes nothing. */

struct fetch;

struct plan_wish {
	bool pin, with_intermediate;		 /* like the options of these names */
	const struct fingerprints *fingerprints; /* of --fingerprint; none: the user is asked */
	struct scopes scopes;			 /* of --scope; none: every name */
};

enum plan_result {
	PLAN_SAVES,
	PLAN_TRUSTED, /* the candidate is trusted as requested; those with it may not be */
	PLAN_REFUSED,
};

/* Python's verdict with trust in what is to be saved. */
struct verdict {
	bool known;
	struct dryrun older, newer; /* Python up to 3.12, and from 3.13 on */
};

struct plan {
	enum plan_result result;
	struct reason why;	 /* of PLAN_REFUSED, for the user */
	X509 *candidate;	 /* a certificate of the chain; NULL: none was chosen */
	const char *because;	 /* why this one, for the user; NULL: refused before its check */
	STACK_OF(X509) * below;	 /* what --with-intermediate saves with it */
	struct scopes scopes;	 /* the candidate's names; none: every name */
	struct scopes wider;	 /* refused because these are missing; none: for another reason */
	struct reason no_scope;	 /* refused because no scope is possible, and why; or "" */
	struct reason pin_names; /* its certificate's other names, covered by a pin; or "" */
	bool pin_too_wide;	 /* the same: a name in its certificate is too wide for a pin */
	struct verdict verdict, with_below; /* with what is to be saved; and with below as well */
};

/* Plans a fetch that is connected, with its trust directories read. Returns 0 and *ret, to be freed
 * with plan_clear(), or -1: out of memory. */
int plan_make(const struct fetch *f, const struct plan_wish *wish, struct plan *ret);

void plan_clear(struct plan *plan);

/* Does Python accept the server only if below is saved as well? */
bool plan_below_helps(const struct plan *plan);

/* The candidate, to be put in the trust directory. */
struct import plan_import(const struct fetch *f, bool pin, const struct plan *plan);

#endif
