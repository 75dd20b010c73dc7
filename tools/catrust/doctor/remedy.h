/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_REMEDY_H
#define CATRUST_REMEDY_H

#include <stdbool.h>

/* What catrust can do, and the result. */
enum remedy_plan {
	PLAN_FETCH,
	PLAN_WITH_INTERMEDIATE,
	PLAN_PIN,
	PLANS,
};

/* How many of the judged clients would accept the server. */
struct remedy_facts {
	int clients;
	int plain;		 /* as they are */
	int here;		 /* with the trust directories */
	int here_relaxed;	 /* and CATRUST_STRICT=relax */
	int here_always;	 /* with the trust directories, without CATRUST_CONTEXTS */
	int plan[PLANS];	 /* with the trust directories and the plan; -1: impossible */
	int plan_relaxed[PLANS]; /* the same with CATRUST_STRICT=relax */
	int but_for_ca;		 /* if a CA that can't be found were trusted */
	int but_for_ca_relaxed;	 /* the same with CATRUST_STRICT=relax */
	bool is_public;		 /* the missing CA is publicly trusted */
};

enum remedy_kind {
	REMEDY_NOTHING, /* all is well */
	REMEDY_RUN,	/* under catrust-run, everything works */
	REMEDY_FETCH,
	REMEDY_WITH_INTERMEDIATE,
	REMEDY_PIN,
	REMEDY_ADD,	 /* add the CA, whose certificate must come from elsewhere */
	REMEDY_RELAX,	 /* only CATRUST_STRICT=relax */
	REMEDY_CONTEXTS, /* no CATRUST_CONTEXTS=public */
	REMEDY_BUNDLE,	 /* a bundle that has the public CAs */
	REMEDY_NONE,	 /* catrust has none */
};

struct remedy {
	enum remedy_kind kind;
	bool relax; /* also CATRUST_STRICT=relax, so that all clients accept it */
};

struct remedy remedy_choose(const struct remedy_facts *facts);

/* The exit status, one of enum status (command.h). */
int remedy_status(const struct remedy *remedy, bool tls_failed);

#endif
