/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_DOCTOR_H
#define CATRUST_DOCTOR_H

#include "diagnose.h"
#include "fetch.h"
#include "handshake.h"
#include "interpreter.h"
#include "judge.h"
#include "quote.h"

enum { DOCTOR_CLIENTS = INTERPRETER_KINDS, DOCTOR_CAUSES = 64 };

/* What a client makes of the server. */
struct doctor_verdict {
	struct judgement judgement;
	const char *exception; /* NULL: it accepts it */
	char text[DIAGNOSE_TEXT];
};

/* One way in which programs verify. */
struct doctor_client {
	const char *name; /* in --json */
	char label[192];
	char file[PATH_MAX]; /* its bundle; "": none */
	struct judge_store store;
	struct judge_load_error load_error;
	bool load_failed;
	struct judge_how how;
	int openssl;		     /* see diagnose_words() */
	struct doctor_verdict plain; /* as it is */
	struct doctor_verdict here;  /* under catrust-run */

	/* under catrust-run, had the server sent its whole chain */
	struct judgement complete; /* as it is */
	struct judgement trusting; /* with the chain's top trusted */
	bool is_hopeless;	   /* it breaks rules that no anchor mends */
};

enum doctor_cause_kind { CAUSE_VERIFICATION, CAUSE_TLS, CAUSE_BUNDLE };

struct doctor_cause {
	enum doctor_cause_kind kind;
	int code, depth;  /* of a verification */
	X509 *cert;	  /* a reference; NULL: none */
	unsigned clients; /* bits */
	char text[DIAGNOSE_TEXT];
	struct diagnosis diagnosis;
};

struct doctor {
	const struct options *options;
	struct session session;
	struct fetch fetch; /* the chain, with what the server does not send */
	struct trusted trusted;
	struct interpreter python; /* of --python */
	struct handshake handshake;
	enum diagnose_tls tls;
	struct doctor_client client[DOCTOR_CLIENTS];
	size_t clients;
	STACK_OF(X509) * plan[PLANS]; /* what each would save; NULL: it is not possible */
	struct scopes scopes[PLANS];  /* under what; none: every name */
	struct why no_scope;	      /* why a plan is not possible for want of a sound one */
	struct why no_pin;	      /* the same, as what mends it */
	struct why in_directory;      /* the cause, where catrust-run is all it takes */
	struct why out_of_scope;      /* the cause, where names are */
	struct doctor_cause cause[DOCTOR_CAUSES];
	size_t causes;
	struct diagnose_remedy_facts facts;
	struct diagnose_remedy remedy;
	bool common_name_only; /* accepted, but not where only a subjectAltName counts */
	struct quote command;  /* empty: there is none */
	X509 *candidate;       /* whose fingerprint is to be confirmed; NULL: none */
	struct why why;	       /* no connection */
	enum status status;
};

/* Of a missing CA, where it is trusted under catrust-run. */
void doctor_explain_gap(struct doctor *d, struct doctor_cause *cause);

/* Of a name that the CA may not vouch for: which one. */
void doctor_explain_names(struct doctor *d, struct doctor_cause *cause);

void doctor_report(const struct doctor *d);

/* The schema is in catrust(1). */
void doctor_report_json(const struct doctor *d);

#endif
