/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_DOCTOR_H
#define CATRUST_DOCTOR_H

#include "base/quote.h"
#include "doctor/diagnose.h"
#include "doctor/interpreter.h"
#include "doctor/python_words.h"
#include "doctor/remedy.h"
#include "doctor/tls_failure.h"
#include "fetch/fetch.h"
#include "net/handshake.h"
#include "verify/verify.h"

enum { DOCTOR_CLIENTS = INTERPRETER_KINDS, DOCTOR_CAUSES = 64 };

/* How a client judges the server. */
struct doctor_verdict {
	struct verify_result result;
	const char *exception; /* NULL: the client accepts it */
	char text[PYTHON_TEXT];
};

/* One way in which programs verify. */
struct doctor_client {
	const char *name; /* in --json */
	char label[192];
	char file[PATH_MAX]; /* its bundle; "": none */
	struct verify_store store;
	struct verify_load_error load_error;
	bool load_failed;
	struct verify_how how;
	int openssl;		     /* see python_words() */
	struct doctor_verdict plain; /* as it is */
	struct doctor_verdict here;  /* under catrust-run */

	struct verify_result alone; /* under catrust-run, if it had no certificates of its own */

	/* under catrust-run, if the server had sent its whole chain */
	struct verify_result complete; /* as it is */
	struct verify_result trusting; /* with the chain's top trusted */
	bool is_hopeless;	       /* it breaks rules that no anchor fixes */
};

enum doctor_cause_kind { CAUSE_VERIFICATION, CAUSE_TLS, CAUSE_BUNDLE };

struct doctor_cause {
	enum doctor_cause_kind kind;
	int code, depth;  /* of a verification */
	X509 *cert;	  /* a reference; NULL: none */
	unsigned clients; /* bits */
	char text[PYTHON_TEXT];
	struct diagnosis diagnosis;
};

struct doctor {
	const struct options *options;
	struct session session;
	struct fetch fetch;	   /* the chain, with what the server does not send */
	struct interpreter python; /* of --python */
	struct handshake handshake;
	enum tls_failure tls;
	struct doctor_client client[DOCTOR_CLIENTS];
	size_t clients;
	STACK_OF(X509) * plan[PLANS]; /* what each would save; NULL: fetch refuses */
	struct scopes scopes[PLANS];  /* for which names; none: every name */
	struct reason no_scope;	      /* why no sound scope is possible for a pin */
	struct reason no_pin;	      /* the fix that says so */
	struct reason in_directory;   /* a cause about certificates in files */
	struct reason out_of_scope;   /* a cause about names */
	struct reason wider_scope;    /* the fix for that */
	struct doctor_cause cause[DOCTOR_CAUSES];
	size_t causes;
	struct remedy_facts facts;
	struct remedy remedy;
	bool common_name_only; /* accepted, but not if only a subjectAltName counts */
	struct quote command;  /* empty: there is none */
	X509 *candidate;       /* the user must confirm its fingerprint; NULL: none */
	struct reason why;     /* why there is no connection */
	enum status status;
};

/* Adds the programs to judge, each with its bundle. */
void doctor_add_clients(struct doctor *d);

/* What a program says if its bundle can't be read. */
void doctor_write_load_error(const struct doctor_client *c, struct doctor_verdict *v);

/* How the judged programs use TLS. */
struct handshake_client doctor_client_tls(const struct doctor *d);

/* What the server sent; NULL: nothing. */
STACK_OF(X509) * doctor_sent(const struct doctor *d);

/* What the client says after "certificate verify failed: ". This function and the following ones
 * return 0, or -1: out of memory. */
int doctor_write_words(const struct doctor *d, const struct doctor_client *c, int code,
		       char text[PYTHON_TEXT]);

/* Sets plan and scopes. */
int doctor_make_plans(struct doctor *d);

/* Sets plain and here of each client. */
int doctor_set_verdicts(struct doctor *d);

/* Sets alone, complete and trusting of a client. */
int doctor_judge_paths(const struct doctor *d, struct doctor_client *c);

/* Sets facts. */
int doctor_set_facts(struct doctor *d);

/* Sets common_name_only: requests and others that use urllib3 2 ignore the subject. */
int doctor_check_common_name(struct doctor *d);

/* How many clients accept it under catrust-run with more as well; negative: out of memory. */
int doctor_count_accepted(const struct doctor *d, const STACK_OF(X509) * more,
			  const struct scopes *scopes, bool relax);

/* The same without more, and without CATRUST_CONTEXTS. */
int doctor_count_in_all_contexts(const struct doctor *d);

bool doctor_accepts(const struct doctor_verdict *v, const struct doctor_client *c);

/* If TLS fails before the server's certificates arrive, the client sees only that error. */
void doctor_set_tls_verdict(const struct doctor *d, struct doctor_verdict *v);

/* What client i finds now, and what else it would find if the CA on top were trusted. */
int doctor_add_client_causes(struct doctor *d, size_t i, bool as_it_is);

void doctor_add_bundle_causes(struct doctor *d);
void doctor_add_tls_cause(struct doctor *d);

/* If all certificates have expired, the clock of this machine may be the cause. */
void doctor_suspect_clock(struct doctor *d);

/* Changes the causes' explanations to fit the remedy. */
void doctor_adapt_causes(struct doctor *d);

/* The lowest publicly trusted certificate of the path above the server's own; 0: none. */
int doctor_public_index(const struct doctor *d);

/* A stack with only cert; NULL: out of memory. */
STACK_OF(X509) * doctor_stack_of(X509 *cert);

/* Chooses remedy and candidate from facts. */
void doctor_advise(struct doctor *d);

/* Writes the command for the remedy. */
void doctor_write_command(struct doctor *d);

void doctor_report(const struct doctor *d);

/* The schema is in catrust(1). */
void doctor_report_json(const struct doctor *d);

/* Writes catrust doctor with the user's own arguments. */
enum status doctor(const struct options *options);

#endif
