/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_REMEDY_H
#define CATRUST_REMEDY_H

#include <stdbool.h>

/* What catrust can do, and what would come of it. */
enum remedy_plan {
	PLAN_FETCH,
	PLAN_WITH_INTERMEDIATE,
	PLAN_PIN,
	PLANS,
};

/* How many of the clients that are judged would accept the server. */
struct remedy_facts {
	int clients;
	int plain;		 /* as they are */
	int here;		 /* with the trust directories */
	int here_relaxed;	 /* and CATRUST_STRICT=relax */
	int here_always;	 /* with the trust directories, whatever CATRUST_CONTEXTS is */
	int plan[PLANS];	 /* here, and what the plan adds; -1: it is not possible */
	int plan_relaxed[PLANS]; /* the same with CATRUST_STRICT=relax */
	int but_for_ca; /* would accept it but for a CA that is not to be found; -1: there is none
			 */
	int but_for_ca_relaxed; /* the same with CATRUST_STRICT=relax */
	bool is_public;		/* the missing CA is publicly trusted */
};

enum remedy_kind {
	REMEDY_NOTHING, /* all is well */
	REMEDY_RUN,	/* under catrust-run, all is well */
	REMEDY_FETCH,
	REMEDY_WITH_INTERMEDIATE,
	REMEDY_PIN,
	REMEDY_ADD,	 /* the CA, whose certificate must come from elsewhere */
	REMEDY_RELAX,	 /* CATRUST_STRICT=relax alone */
	REMEDY_CONTEXTS, /* no CATRUST_CONTEXTS=public */
	REMEDY_BUNDLE,	 /* a bundle that has the public CAs */
	REMEDY_NONE,	 /* nothing of catrust's */
};

struct remedy {
	enum remedy_kind kind;
	bool relax; /* CATRUST_STRICT=relax as well, for all clients to accept it */
};

struct remedy remedy_choose(const struct remedy_facts *facts);

/* The exit status: of enum status, command.h. */
int remedy_status(const struct remedy *remedy, bool tls_failed);

#endif
