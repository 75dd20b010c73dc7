/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_FETCH_H
#define CATRUST_FETCH_H

#include "base/reason.h"
#include "certs/candidate.h"
#include "certs/chain.h"
#include "cli/command.h"
#include "fetch/plan.h"
#include "fetch/session.h"
#include "net/peer.h"
#include "net/target.h"
#include "store/scopes.h"
#include "store/trusted.h"

#include <limits.h>

/* One target, from its name to its result. */
struct fetch {
	const struct session *session;
	struct target target;
	struct target name; /* the name that the certificate must have */
	char where[TARGET_TEXT];

	/* what gather() finds */
	bool connected;
	struct peer peer;
	STACK_OF(X509) * fetched; /* issuers, over AIA */
	struct chain chain;
	struct reason why; /* why there is no connection, or how the server broke off */
	struct reason aia; /* why an issuer could not be fetched */

	/* the result */
	struct trusted trusted;
	struct plan plan;
	struct findings findings;
	enum status status;
	struct reason error;
	bool trusted_already;
	char path[PATH_MAX]; /* of the saved file, or of the one that was there before */
	size_t group;	     /* the first of the targets with the same CA on top */
	bool leads_group;    /* it is that target */
	int sites;	     /* domains among the targets with exactly this CA on top */
};

/* Prepares a fetch of target with the session's options. To be freed with fetch_clear(). */
void fetch_init(struct fetch *f, const struct session *session, const struct target *target);

void fetch_clear(struct fetch *f);

/* Reports what went wrong with f, and keeps it for the report. */
__attribute__((format(printf, 2, 3))) void fetch_fail(struct fetch *f, const char *format, ...);

#endif
