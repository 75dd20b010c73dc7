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

/* One target, from its name to what became of it. */
struct fetch {
	const struct session *session;
	struct target target;
	struct target name; /* what the certificate must be for */
	char where[TARGET_TEXT];

	/* what gather() finds */
	bool connected;
	struct peer peer;
	STACK_OF(X509) * fetched; /* issuers, over AIA */
	struct chain chain;
	struct reason why; /* no connection, or how the server broke off */
	struct reason aia; /* why an issuer was not to be had */

	/* what became of it */
	struct trusted trusted;
	struct plan plan;
	struct findings findings;
	enum status status;
	struct reason error;
	bool trusted_already;
	char path[PATH_MAX]; /* of the saved file, or of the one that was there */
	size_t group;	     /* the first of the targets with the same CA on top */
	bool leads_group;    /* it is that one */
	int sites;	     /* domains among the targets with this very CA on top */
};

/* Of target, in the way that the options of session say. To be freed with fetch_clear(). */
void fetch_init(struct fetch *f, const struct session *session, const struct target *target);

void fetch_clear(struct fetch *f);

/* Says what went wrong with f, and keeps it for the report. */
__attribute__((format(printf, 2, 3))) void fetch_fail(struct fetch *f, const char *format, ...);

#endif
