/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor.h"

#include "certnames.h"
#include "escape.h"
#include "fetchcommand.h"
#include "gather.h"
#include "pin.h"
#include "readcerts.h"
#include "report.h"
#include "show.h"
#include "system.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SECURITY_LEVEL = 2 };

static const unsigned long flags_to_312 = X509_V_FLAG_TRUSTED_FIRST;
static const unsigned long flags_from_313 =
	X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN;

/* Who verifies, and by which bundle */

static struct doctor_client *add_client(struct doctor *d, const char *name)
{
	struct doctor_client *c = &d->client[d->clients++];

	c->name = name;
	c->how = (struct judge_how){.level = SECURITY_LEVEL, .common_name = true};
	return c;
}

/* strict: a program fails where its bundle can't be read, and does not go on without. */
static void load(struct doctor_client *c, const char *file, const char *dir, bool strict)
{
	snprintf(c->file, sizeof(c->file), "%s", file == NULL ? "" : file);
	if (judge_load(file, dir, &c->store, &c->load_error) == 0)
		return;
	c->load_failed = strict;
	if (!strict)
		judge_load(NULL, dir, &c->store, &c->load_error);
}

/* As SSL_CTX_set_default_verify_paths() chooses. */
static void load_default(struct doctor_client *c)
{
	const char *file = getenv(X509_get_default_cert_file_env());
	const char *dir = getenv(X509_get_default_cert_dir_env());

	load(c, file == NULL ? X509_get_default_cert_file() : file,
	     dir == NULL ? X509_get_default_cert_dir() : dir, false);
}

static void add_generations(struct doctor *d)
{
	static const struct {
		const char *name, *label;
		const unsigned long *flags;
	} generations[] = {
		{"python_3_12", "Python up to 3.12", &flags_to_312},
		{"python_3_13", "Python 3.13 and newer", &flags_from_313},
	};

	for (size_t i = 0; i < sizeof(generations) / sizeof(*generations); i++) {
		struct doctor_client *c = add_client(d, generations[i].name);

		snprintf(c->label, sizeof(c->label), "%s", generations[i].label);
		c->how.flags = *generations[i].flags;
		if (d->options->ca_bundle == NULL)
			load_default(c);
		else
			load(c, d->options->ca_bundle, NULL, true);
	}
}

static void add_interpreter(struct doctor *d)
{
	static const char *const names[INTERPRETER_KINDS] = {"ssl", "certifi", "requests"};
	const char *bundle = d->options->ca_bundle;

	for (int i = 0; i < INTERPRETER_KINDS; i++) {
		const struct interpreter_client *from = &d->python.client[i];
		struct doctor_client *c;

		if (!d->python.has[i] || (bundle != NULL && i != INTERPRETER_SSL))
			continue;
		c = add_client(d, names[i]);
		if (i == INTERPRETER_SSL)
			snprintf(c->label, sizeof(c->label), "ssl of Python %.31s (%.63s)",
				 d->python.version, d->python.openssl);
		else
			snprintf(c->label, sizeof(c->label), "%s %.63s", names[i], from->version);
		c->how.flags = from->flags;
		c->how.common_name = from->common_name;
		c->how.name_last = from->name_last;
		if (from->level >= 0)
			c->how.level = from->level;
		c->openssl = d->python.openssl_version;
		c->how.before_3 = c->openssl < DIAGNOSE_OPENSSL(3, 0);
		if (bundle != NULL)
			load(c, bundle, NULL, true);
		else
			load(c, from->file[0] == '\0' ? NULL : from->file,
			     from->dir[0] == '\0' ? NULL : from->dir, from->strict_file);
	}
}

static void write_load_error(const struct doctor_client *c, struct doctor_verdict *v)
{
	const struct judge_load_error *e = &c->load_error;

	if (e->os_error == 0) {
		v->exception = "ssl.SSLError";
		diagnose_error_text(e->error, v->text);
	} else if (e->os_error == ENOENT && strcmp(c->name, "requests") == 0) {
		v->exception = "OSError";
		snprintf(
			v->text, sizeof(v->text),
			"Could not find a suitable TLS CA certificate bundle, invalid path: %.400s",
			c->file);
	} else {
		v->exception = diagnose_os_exception(e->os_error);
		snprintf(v->text, sizeof(v->text), "[Errno %d] %s", e->os_error,
			 strerror(e->os_error));
	}
}

static STACK_OF(X509) * sent_by_server(const struct doctor *d)
{
	return d->handshake.certs != NULL ? d->handshake.certs : d->fetch.peer.certs;
}

static bool is_about_name(int code)
{
	return code == X509_V_ERR_HOSTNAME_MISMATCH || code == X509_V_ERR_IP_ADDRESS_MISMATCH;
}

/* What urllib3 1 says, which compares names itself. Returns 0, or -1: out of memory. */
static int write_mismatch(const struct doctor *d, char text[DIAGNOSE_TEXT])
{
	struct certnames names;
	size_t at, count = 0, said = 0;

	if (certnames_read(sk_X509_value(sent_by_server(d), 0), &names) != 0)
		return -1;
	/* Its subject, where there is nothing else. */
	for (size_t i = 0; i < names.count; i++)
		count += names.item[i].of_subject != names.has_others;
	at = (size_t)snprintf(text, DIAGNOSE_TEXT, "hostname '%s' doesn't match %s",
			      d->fetch.name.host, count > 1 ? "either of " : "");
	for (size_t i = 0; i < names.count && at < DIAGNOSE_TEXT; i++) {
		char one[ESCAPE_REPR * TARGET_HOST];

		if (names.item[i].of_subject == names.has_others)
			continue;
		at += (size_t)snprintf(text + at, DIAGNOSE_TEXT - at, "%s%s",
				       said++ == 0 ? "" : ", ",
				       escape_repr(one, sizeof(one), names.item[i].text));
	}
	if (count == 0)
		snprintf(text, DIAGNOSE_TEXT,
			 "no appropriate commonName or subjectAltName fields were found");
	certnames_clear(&names);
	return 0;
}

static bool compares_names_itself(const struct doctor_client *c, int code)
{
	return c->how.name_last && is_about_name(code);
}

/* The causes */

static struct doctor_cause *new_cause(struct doctor *d)
{
	return d->causes == DOCTOR_CAUSES ? NULL : &d->cause[d->causes++];
}

static void add_bundle_causes(struct doctor *d)
{
	for (size_t i = 0; i < d->clients; i++) {
		const struct doctor_client *c = &d->client[i];
		struct doctor_cause *cause = NULL;

		if (!c->load_failed)
			continue;
		for (size_t j = 0; j < d->causes && cause == NULL; j++)
			if (strcmp(d->cause[j].text, c->plain.text) == 0)
				cause = &d->cause[j];
		if (cause == NULL)
			cause = new_cause(d);
		if (cause == NULL)
			return;
		cause->kind = CAUSE_BUNDLE;
		cause->clients |= 1U << i;
		cause->diagnosis = *diagnose_bundle(c->load_error.os_error, c->load_error.error);
		snprintf(cause->text, sizeof(cause->text), "%s", c->plain.text);
	}
}

static void add_tls_cause(struct doctor *d)
{
	const struct diagnosis *diagnosis = diagnose_tls_cause(d->tls);
	struct doctor_cause *cause = diagnosis == NULL ? NULL : new_cause(d);

	if (cause == NULL)
		return;
	cause->kind = CAUSE_TLS;
	cause->clients = (1U << d->clients) - 1;
	cause->diagnosis = *diagnosis;
	diagnose_tls_text(&d->handshake.facts, d->python.openssl_version, cause->text);
	if (d->tls == TLS_PLAIN_TEXT || d->tls == TLS_CLOSED) {
		const char *what =
			diagnose_plain_text(d->handshake.facts.first, d->handshake.facts.first_len);

		if (what != NULL)
			cause->diagnosis.fix = what;
	}
}

static bool same_cert(const X509 *a, const X509 *b)
{
	return a == b || (a != NULL && b != NULL && X509_cmp(a, b) == 0);
}

static bool has_namesake(const STACK_OF(X509) * certs, const X509_NAME *name, const X509 *other)
{
	for (int i = 0; i < sk_X509_num(certs); i++) {
		const X509 *cert = sk_X509_value(certs, i);

		if (X509_NAME_cmp(X509_get_subject_name(cert), name) == 0 &&
		    (other == NULL || !candidate_same_key(cert, other)))
			return true;
	}
	return false;
}

static bool is_sent(const struct doctor *d, const X509 *cert)
{
	return chain_contains(d->fetch.peer.certs, cert);
}

/* Is a CA of the path, the root apart, not among those sent? */
static bool has_unsent(const struct doctor *d)
{
	const STACK_OF(X509) *path = d->fetch.chain.path;

	for (int i = 1; i < sk_X509_num(path); i++)
		if (!chain_is_root(sk_X509_value(path, i)) && !is_sent(d, sk_X509_value(path, i)))
			return true;
	return false;
}

static bool sends_namesake(const struct doctor *d)
{
	const STACK_OF(X509) *path = d->fetch.chain.path;

	for (int i = 1; i < sk_X509_num(path); i++) {
		X509 *cert = sk_X509_value(path, i);

		if (!is_sent(d, cert) &&
		    has_namesake(d->fetch.chain.extra, X509_get_subject_name(cert), cert))
			return true;
	}
	return false;
}

/* Is there a CA among those that the client trusts with the name of the chain's top alone? */
static bool trusts_namesake(const struct doctor *d, const struct doctor_client *c)
{
	const STACK_OF(X509) *known = c->store.dir[0] == '\0' ? NULL : d->session.known;
	const X509_NAME *name;
	X509 *top;

	chain_top(&d->fetch.chain, &top);
	name = X509_get_issuer_name(top);
	if (has_namesake(c->store.certs, name, chain_is_root(top) ? top : NULL) ||
	    has_namesake(known, name, chain_is_root(top) ? top : NULL))
		return true;
	for (size_t i = 0; i < d->trusted.anchors->count; i++) {
		const X509 *cert = d->trusted.cert[i];

		if (cert != NULL && X509_NAME_cmp(X509_get_subject_name(cert), name) == 0 &&
		    (!chain_is_root(top) || !candidate_same_key(cert, top)))
			return true;
	}
	return false;
}

static bool has_gap(const struct judgement *j)
{
	for (size_t i = 0; i < j->count; i++)
		if (diagnose_is_gap(j->error[i].code))
			return true;
	return false;
}

/* complete: the verification of the whole path, as if the server sent it. */
static enum diagnose_gap gap_of(const struct doctor *d, const struct doctor_client *c, int code,
				const struct judgement *complete)
{
	X509 *top;
	struct diagnose_gap_facts facts = {
		.code = code,
		.self_signed = chain_is_root(sk_X509_value(d->fetch.chain.path, 0)),
		.root_found = chain_top(&d->fetch.chain, &top) == CHAIN_ROOT,
		.root_trusted = !has_gap(complete),
		.ca_unsent = has_unsent(d),
		.namesake_trusted = trusts_namesake(d, c),
		.namesake_sent = sends_namesake(d),
	};

	return diagnose_gap(&facts);
}

/* What the client says after "certificate verify failed: ". Returns 0, or -1: out of memory. */
static int write_words(const struct doctor *d, const struct doctor_client *c, int code,
		       char text[DIAGNOSE_TEXT])
{
	if (compares_names_itself(c, code))
		return write_mismatch(d, text);
	diagnose_words(code, d->fetch.name.host, c->openssl, text);
	return 0;
}

/* Returns 0, or -1: out of memory. */
static int add_error(struct doctor *d, size_t client, const struct judge_error *e,
		     enum diagnose_gap gap)
{
	struct doctor_cause *cause = NULL;
	char text[DIAGNOSE_TEXT];

	if (write_words(d, &d->client[client], e->code, text) != 0)
		return -1;
	for (size_t i = 0; i < d->causes && cause == NULL; i++)
		if (d->cause[i].kind == CAUSE_VERIFICATION && d->cause[i].code == e->code &&
		    same_cert(d->cause[i].cert, e->cert) && strcmp(d->cause[i].text, text) == 0)
			cause = &d->cause[i];
	if (cause == NULL) {
		cause = new_cause(d);
		if (cause == NULL)
			return 0;
		cause->kind = CAUSE_VERIFICATION;
		cause->code = e->code;
		cause->depth = e->depth;
		cause->cert = e->cert;
		if (e->cert != NULL && X509_up_ref(e->cert) != 1)
			cause->cert = NULL;
		cause->diagnosis = *diagnose_code(e->code, e->depth, gap);
		memcpy(cause->text, text, sizeof(text));
	}
	cause->clients |= 1U << client;
	return 0;
}

/* A purpose that does not fit a CA that is none, or that may not sign, says nothing more. */
static bool is_told(const struct judgement *found, const struct judge_error *e)
{
	for (size_t i = 0; i < found->count; i++)
		if (found->error[i].code == X509_V_ERR_INVALID_CA &&
		    found->error[i].depth == e->depth)
			return e->code == X509_V_ERR_INVALID_PURPOSE;
	return false;
}

/*
 * All that a client finds, without what merely follows from a missing issuer. Returns 0, or -1: out
 * of memory.
 */
static int add_errors(struct doctor *d, size_t client, const struct judgement *found,
		      const struct judgement *complete, bool gaps)
{
	const struct doctor_client *c = &d->client[client];
	bool gap_told = false;

	for (size_t i = 0; i < found->count; i++) {
		const struct judge_error *e = &found->error[i];
		bool gap = diagnose_is_gap(e->code);

		if (gap && (!gaps || gap_told || (i > 0 && diagnose_is_consequence(e->code))))
			continue;
		if (is_told(found, e))
			continue;
		gap_told = gap_told || gap;
		if (add_error(d, client, e, gap_of(d, c, e->code, complete)) != 0)
			return -1;
	}
	return 0;
}

/* Plans */

static STACK_OF(X509) * stack_of(X509 *cert)
{
	STACK_OF(X509) *stack = sk_X509_new_null();

	if (stack != NULL && X509_add_cert(stack, cert, X509_ADD_FLAG_UP_REF) != 1) {
		sk_X509_pop_free(stack, X509_free);
		stack = NULL;
	}
	return stack;
}

/* The lowest certificate of the path, above the server's own, that is publicly trusted; 0: none. */
static int public_index(const struct doctor *d)
{
	const STACK_OF(X509) *path = d->fetch.chain.path;

	for (int i = 1; i < sk_X509_num(path); i++) {
		X509 *cert = sk_X509_value(path, i);

		if (trusted_file_of(&d->trusted, cert) != NULL)
			return 0;
		if (candidate_find_key(d->session.public_cas, cert) != NULL)
			return i;
	}
	return 0;
}

/* What --with-intermediate saves below place top of the path; the same as fetch's. */
static int add_below(const struct doctor *d, int top, bool is_public, STACK_OF(X509) * to)
{
	const STACK_OF(X509) *path = d->fetch.chain.path;
	int before = sk_X509_num(to);

	for (int i = top - 1; i > 0; i--)
		if (!is_sent(d, sk_X509_value(path, i)) &&
		    X509_add_cert(to, sk_X509_value(path, i), X509_ADD_FLAG_UP_REF) != 1)
			return -1;
	if (sk_X509_num(to) == before && top > 1 && !is_public)
		return X509_add_cert(to, sk_X509_value(path, top - 1), X509_ADD_FLAG_UP_REF) == 1
			       ? 0
			       : -1;
	return 0;
}

/* Would fetch refuse to save one of them? */
static bool is_refused(const STACK_OF(X509) * certs, bool pin)
{
	struct findings findings;

	for (int i = 0; i < sk_X509_num(certs); i++) {
		X509 *cert = sk_X509_value(certs, i);

		if ((pin ? candidate_check_pin(cert, time(NULL), &findings)
			 : candidate_check(cert, time(NULL), &findings)) != 0 ||
		    findings_refuse(&findings))
			return true;
	}
	return false;
}

static void drop_plan(struct doctor *d, enum diagnose_plan plan)
{
	sk_X509_pop_free(d->plan[plan], X509_free);
	d->plan[plan] = NULL;
}

/*
 * The scopes of a plan: those of a pin, or, for a CA that is trusted for some names already, what
 * more it takes for this server. There may be no sound ones: then there is no plan either.
 */
static void set_scopes(struct doctor *d, enum diagnose_plan plan)
{
	struct scopes *scopes = &d->scopes[plan];
	char name[SCOPEDIR_NAME];
	X509 *cert = sk_X509_value(d->plan[plan], 0);

	if (plan != PLAN_PIN) {
		scopes_of(&d->trusted, cert, scopes);
		if (scopes->count == 0)
			return;
	} else if (scopedir_for_host(&d->fetch.name, name) != NULL ||
		   scopes_add(scopes, name) != 0) {
		why_set(&d->no_scope, "the host that was named can't be a scope");
		drop_plan(d, plan);
		return;
	}
	if (pin_scopes(sk_X509_value(sent_by_server(d), 0), &d->fetch.name, pin_may_sign(cert),
		       scopes, &d->no_scope) != PIN_FINE)
		drop_plan(d, plan);
}

/* Returns 0, or -1: out of memory. */
static int make_plans(struct doctor *d)
{
	int last = sk_X509_num(d->fetch.chain.path) - 1, public = public_index(d);
	X509 *top;
	enum chain_top kind = chain_top(&d->fetch.chain, &top);

	if (kind == CHAIN_NONE)
		return 0;
	if (kind == CHAIN_OWN || kind == CHAIN_OWN_CA) {
		d->plan[PLAN_PIN] = stack_of(top);
		if (d->plan[PLAN_PIN] == NULL)
			return -1;
		if (is_refused(d->plan[PLAN_PIN], true))
			drop_plan(d, PLAN_PIN);
		else
			set_scopes(d, PLAN_PIN);
		return 0;
	}
	d->plan[PLAN_WITH_INTERMEDIATE] = public == 0 ? stack_of(top) : sk_X509_new_null();
	if (d->plan[PLAN_WITH_INTERMEDIATE] == NULL ||
	    add_below(d, public == 0 ? last : public, public != 0,
		      d->plan[PLAN_WITH_INTERMEDIATE]) != 0)
		return -1;
	if (public == 0) {
		d->plan[PLAN_FETCH] = stack_of(top);
		if (d->plan[PLAN_FETCH] == NULL)
			return -1;
	}
	for (enum diagnose_plan i = PLAN_FETCH; i <= PLAN_WITH_INTERMEDIATE; i++)
		if (sk_X509_num(d->plan[i]) <= 0 || is_refused(d->plan[i], false))
			drop_plan(d, i);
		else
			set_scopes(d, i);
	return 0;
}

/* Verdicts */

/* Returns 1 where client accepts it, 0 where not, or -1: out of memory. */
static int try_anchors(const struct doctor *d, const struct doctor_client *c,
		       const STACK_OF(X509) * more, const struct scopes *scopes, bool relax)
{
	const struct judge_anchors anchors = {&d->trusted, more, scopes};
	struct judge_how how = c->how;
	struct judgement judgement;
	int accepted;

	if (c->load_failed || c->is_hopeless)
		return 0;
	how.relax = relax || judge_is_relaxed();
	if (judge(&c->store, &anchors, sent_by_server(d), &d->fetch.name, &how, &judgement) != 0)
		return -1;
	accepted = judgement.count == 0;
	judgement_clear(&judgement);
	return accepted;
}

/* How many clients accept it; negative: out of memory. */
static int count_accepted(const struct doctor *d, const STACK_OF(X509) * more,
			  const struct scopes *scopes, bool relax)
{
	int count = 0;

	for (size_t i = 0; i < d->clients; i++) {
		int accepted = try_anchors(d, &d->client[i], more, scopes, relax);

		if (accepted < 0)
			return -1;
		count += accepted;
	}
	return count;
}

static int set_verdict(const struct doctor *d, const struct doctor_client *c,
		       const struct judge_anchors *anchors, struct doctor_verdict *v)
{
	struct judge_how how = c->how;

	if (c->load_failed)
		return 0;
	how.relax = judge_is_relaxed();
	if (judge(&c->store, anchors, sent_by_server(d), &d->fetch.name, &how, &v->judgement) != 0)
		return -1;
	if (v->judgement.count > 0) {
		v->exception = "ssl.SSLCertVerificationError";
		diagnose_text(v->judgement.error[0].code, d->fetch.name.host, c->openssl, v->text);
		if (compares_names_itself(c, v->judgement.error[0].code)) {
			v->exception = "CertificateError";
			if (write_mismatch(d, v->text) != 0)
				return -1;
		}
	} else if (d->tls != TLS_FINE) {
		v->exception = diagnose_tls_exception(&d->handshake.facts);
		diagnose_tls_text(&d->handshake.facts, d->python.openssl_version, v->text);
	}
	return 0;
}

/* Where TLS fails before the server's certificates are there, that is all there is to see. */
static void set_tls_verdict(const struct doctor *d, struct doctor_verdict *v)
{
	v->exception = diagnose_tls_exception(&d->handshake.facts);
	diagnose_tls_text(&d->handshake.facts, d->python.openssl_version, v->text);
}

static int set_verdicts(struct doctor *d)
{
	const struct judge_anchors none = {NULL, NULL, NULL}, here = {&d->trusted, NULL, NULL};

	for (size_t i = 0; i < d->clients; i++) {
		struct doctor_client *c = &d->client[i];

		if (set_verdict(d, c, &none, &c->plain) != 0 ||
		    set_verdict(d, c, &here, &c->here) != 0)
			return -1;
		if (d->handshake.certs == NULL && !c->load_failed) {
			set_tls_verdict(d, &c->plain);
			set_tls_verdict(d, &c->here);
		}
	}
	return 0;
}

static bool accepts(const struct doctor_verdict *v, const struct doctor_client *c)
{
	return !c->load_failed && v->judgement.count == 0;
}

/* Verifies as if the server sent all that belongs to its chain. more may be NULL. */
static int judge_complete(const struct doctor *d, const struct doctor_client *c,
			  const STACK_OF(X509) * more, struct judgement *ret)
{
	const struct judge_anchors anchors = {&d->trusted, more, NULL};
	struct judge_how how = c->how;

	how.relax = judge_is_relaxed();
	return judge(&c->store, &anchors, d->fetch.chain.path, &d->fetch.name, &how, ret);
}

/* Rules that are broken for good: to get round them with another anchor is no remedy. */
static bool is_hopeless(const struct judgement *j)
{
	for (size_t i = 0; i < j->count; i++) {
		const struct judge_error *e = &j->error[i];
		const struct diagnosis *diagnosis = diagnose_code(e->code, e->depth, GAP_NONE);

		if (!diagnose_is_gap(e->code) && !diagnosis->ca_helps && !diagnosis->relax)
			return true;
	}
	return false;
}

/* The verifications of the whole path, and of it with its top trusted. */
static int judge_paths(const struct doctor *d, struct doctor_client *c)
{
	STACK_OF(X509) *anchor = NULL;
	int result = -1;
	X509 *top;

	if (c->load_failed)
		return 0;
	if (chain_top(&d->fetch.chain, &top) != CHAIN_NONE) {
		anchor = stack_of(top);
		if (anchor == NULL)
			return -1;
	}
	if (judge_complete(d, c, NULL, &c->complete) == 0 &&
	    judge_complete(d, c, anchor, &c->trusting) == 0)
		result = 0;
	c->is_hopeless = is_hopeless(&c->trusting) && !accepts(&c->here, c);
	sk_X509_pop_free(anchor, X509_free);
	return result;
}

/* What a client finds now, and what else it would find if the CA on top were trusted. */
static int add_client_causes(struct doctor *d, size_t i, bool as_it_is)
{
	const struct doctor_client *c = &d->client[i];
	const struct judgement *found = as_it_is ? &c->plain.judgement : &c->here.judgement;

	if (c->load_failed || found->count == 0)
		return 0;
	if (add_errors(d, i, found, &c->complete, true) != 0)
		return -1;
	return add_errors(d, i, &c->trusting, &c->complete, false);
}

/* How many would accept it but for a CA that is not to be had, or must not be added. */
static int count_but_for_ca(const struct doctor *d)
{
	STACK_OF(X509) * above;
	enum chain_top kind;
	int count = 0;
	X509 *top;

	/* No CA vouches for it. */
	kind = chain_top(&d->fetch.chain, &top);
	if (kind == CHAIN_OWN || kind == CHAIN_OWN_CA)
		return 0;
	if (public_index(d) != 0) {
		above = X509_chain_up_ref(d->fetch.chain.path);
		X509_free(sk_X509_shift(above));
		count = count_accepted(d, above, NULL, false);
		sk_X509_pop_free(above, X509_free);
		return count;
	}
	for (size_t i = 0; i < d->clients; i++) {
		const struct judgement *j = &d->client[i].here.judgement;
		size_t others = 0;

		for (size_t k = 0; k < j->count; k++)
			others += !diagnose_is_gap(j->error[k].code) &&
				  !diagnose_code(j->error[k].code, j->error[k].depth, GAP_NONE)
					   ->ca_helps;
		count += !d->client[i].load_failed && others == 0;
	}
	return count;
}

static int set_facts(struct doctor *d)
{
	struct diagnose_remedy_facts *f = &d->facts;

	f->clients = (int)d->clients;
	for (size_t i = 0; i < d->clients; i++) {
		f->plain += accepts(&d->client[i].plain, &d->client[i]);
		f->here += accepts(&d->client[i].here, &d->client[i]);
	}
	f->is_public = public_index(d) != 0;
	f->here_relaxed = count_accepted(d, NULL, NULL, true);
	f->but_for_ca = count_but_for_ca(d);
	if (f->here_relaxed < 0 || f->but_for_ca < 0)
		return -1;
	for (int i = 0; i < PLANS; i++) {
		f->plan[i] = f->plan_relaxed[i] = -1;
		if (d->plan[i] == NULL)
			continue;
		f->plan[i] = count_accepted(d, d->plan[i], &d->scopes[i], false);
		f->plan_relaxed[i] = count_accepted(d, d->plan[i], &d->scopes[i], true);
		if (f->plan[i] < 0 || f->plan_relaxed[i] < 0)
			return -1;
	}
	return 0;
}

/* The command */

/* fetch must reach the server in the same way. */
static void write_fetch(const struct doctor *d, enum diagnose_plan plan, struct quote *q)
{
	struct options how = *d->options;

	how.pin = plan == PLAN_PIN;
	how.with_intermediate = plan == PLAN_WITH_INTERMEDIATE;
	/* That of a pin goes without saying. */
	fetchcommand_write(q, &how, how.args[0], how.pin ? NULL : &d->scopes[plan]);
}

static void write_command(struct doctor *d)
{
	struct quote *q = &d->command;

	switch (d->remedy.kind) {
	case REMEDY_RUN:
		quote_plain(q, "catrust-run");
		quote_word(q, d->options->python == NULL ? "python3" : d->options->python);
		break;
	case REMEDY_FETCH:
		write_fetch(d, PLAN_FETCH, q);
		break;
	case REMEDY_WITH_INTERMEDIATE:
		write_fetch(d, PLAN_WITH_INTERMEDIATE, q);
		break;
	case REMEDY_PIN:
		write_fetch(d, PLAN_PIN, q);
		break;
	case REMEDY_ADD:
		quote_plain(q, "catrust add");
		if (d->options->dir != NULL) {
			quote_plain(q, "--dir");
			quote_word(q, d->options->dir);
		}
		quote_plain(q, "FILE");
		break;
	case REMEDY_RELAX:
		quote_plain(q, "export CATRUST_STRICT=relax");
		break;
	case REMEDY_NOTHING:
	case REMEDY_BUNDLE:
	case REMEDY_NONE:
		break;
	}
	if (d->remedy.relax && d->remedy.kind != REMEDY_RELAX)
		quote_plain(q, "&& export CATRUST_STRICT=relax");
	if (q->full)
		*q = (struct quote){.len = 0};
}

/* The one that fetch asks about: the topmost of what it saves. */
static X509 *candidate_of(const struct doctor *d)
{
	switch (d->remedy.kind) {
	case REMEDY_FETCH:
		return sk_X509_value(d->plan[PLAN_FETCH], 0);
	case REMEDY_WITH_INTERMEDIATE:
		return sk_X509_value(d->plan[PLAN_WITH_INTERMEDIATE], 0);
	case REMEDY_PIN:
		return sk_X509_value(d->plan[PLAN_PIN], 0);
	default:
		return NULL;
	}
}

/* Of what the server should have sent, the server's own included. */
static bool all_expired(const struct doctor *d)
{
	const STACK_OF(X509) *path = d->fetch.chain.path;

	for (int i = 0; i < sk_X509_num(path); i++)
		if (X509_cmp_current_time(X509_get0_notAfter(sk_X509_value(path, i))) >= 0)
			return false;
	return sk_X509_num(path) > 1;
}

static void suspect_clock(struct doctor *d)
{
	if (!all_expired(d))
		return;
	for (size_t i = 0; i < d->causes; i++)
		if (d->cause[i].kind == CAUSE_VERIFICATION &&
		    d->cause[i].code == X509_V_ERR_CERT_HAS_EXPIRED)
			d->cause[i].diagnosis.fix =
				"look at the clock of this machine first (date -u): all "
				"certificates of the chain have expired by it; otherwise renewed "
				"ones help";
}

/* requests and others that stand on urllib3 2 look at no subject. */
static int check_common_name(struct doctor *d)
{
	const struct judge_anchors here = {&d->trusted, NULL, NULL};

	for (size_t i = 0; i < d->clients && !d->common_name_only; i++) {
		const struct doctor_client *c = &d->client[i];
		struct judge_how how = c->how;
		struct judgement j;

		if (!accepts(&c->here, c))
			continue;
		how.common_name = false;
		how.relax = judge_is_relaxed();
		if (judge(&c->store, &here, sent_by_server(d), &d->fetch.name, &how, &j) != 0)
			return -1;
		d->common_name_only = j.count > 0;
		judgement_clear(&j);
	}
	return 0;
}

/* What the plan is changes what is to be said of its causes. */
static void adapt_causes(struct doctor *d)
{
	X509 *top;
	enum chain_top kind =
		d->fetch.chain.path == NULL ? CHAIN_NONE : chain_top(&d->fetch.chain, &top);
	bool instead = d->remedy.kind == REMEDY_FETCH && kind == CHAIN_INTERMEDIATE;
	bool no_pin = d->no_scope.text[0] != '\0' && (kind == CHAIN_OWN || kind == CHAIN_OWN_CA);

	if (no_pin)
		why_set(&d->no_pin, "a certificate from a CA, or one for its own names alone: %s",
			d->no_scope.text);

	for (size_t i = 0; i < d->causes; i++) {
		struct doctor_cause *cause = &d->cause[i];

		if (cause->kind != CAUSE_VERIFICATION)
			continue;
		if (cause->code == X509_V_ERR_PERMITTED_VIOLATION ||
		    cause->code == X509_V_ERR_EXCLUDED_VIOLATION) {
			doctor_explain_names(d, cause);
		} else if (d->remedy.kind == REMEDY_RUN && diagnose_is_gap(cause->code)) {
			doctor_explain_gap(d, cause);
		} else if (no_pin && diagnose_is_gap(cause->code)) {
			cause->diagnosis.ca_helps = false;
			cause->diagnosis.fix = d->no_pin.text;
		} else if (instead && diagnose_is_gap(cause->code)) {
			cause->diagnosis.fix =
				"the topmost CA that is known can be trusted in its place; better, "
				"get the root's certificate from its administrator: catrust add "
				"FILE";
		} else if (d->remedy.kind == REMEDY_WITH_INTERMEDIATE && !d->remedy.relax &&
			   cause->diagnosis.relax && cause->depth > 0) {
			cause->diagnosis.ca_helps = true;
			cause->diagnosis.fix =
				"with the intermediate CA below it trusted as well, it is not "
				"looked at any more; better, whoever runs the CA issues it anew";
		} else if ((d->remedy.kind == REMEDY_NONE || d->remedy.kind == REMEDY_BUNDLE) &&
			   !d->remedy.relax && cause->diagnosis.relax) {
			/* CATRUST_STRICT=relax would be no help here: nobody may be told of it. */
			cause->diagnosis.fix = "whoever runs the CA must issue it anew";
		}
	}
}

/* The flow */

static int conclude(struct doctor *d)
{
	bool certs = sent_by_server(d) != NULL;

	add_bundle_causes(d);
	if (certs && (make_plans(d) != 0 || set_verdicts(d) != 0))
		return -1;
	for (size_t i = 0; certs && i < d->clients; i++)
		if (judge_paths(d, &d->client[i]) != 0)
			return -1;
	if (certs && (set_facts(d) != 0 || check_common_name(d) != 0))
		return -1;
	for (size_t i = 0; !certs && i < d->clients; i++)
		if (!d->client[i].load_failed) {
			set_tls_verdict(d, &d->client[i].plain);
			set_tls_verdict(d, &d->client[i].here);
		}
	/* Under catrust-run all is well: what is told is why it is not without. */
	for (size_t i = 0; certs && i < d->clients; i++)
		if (add_client_causes(d, i, d->facts.here == d->facts.clients) != 0)
			return -1;
	add_tls_cause(d);
	d->remedy = (struct diagnose_remedy){REMEDY_NONE, false};
	if (certs)
		d->remedy = diagnose_remedy(&d->facts);
	d->candidate = candidate_of(d);
	adapt_causes(d);
	suspect_clock(d);
	write_command(d);
	d->status = (enum status)diagnose_status(&d->remedy, d->tls != TLS_FINE);
	return 0;
}

/* Problems that more tolerant TLS may get past, to see the certificates. */
static bool is_worth_another_try(enum diagnose_tls problem)
{
	return problem != TLS_PLAIN_TEXT && problem != TLS_LATE && problem != TLS_RESET &&
	       problem != TLS_CLOSED;
}

static int gather_chain(struct doctor *d)
{
	struct fetch *f = &d->fetch;

	if (d->handshake.certs == NULL && !is_worth_another_try(d->tls))
		return 0;
	if (gather(f, 1) != 0)
		return -1;
	gather_compare(f, 1);
	if (f->connected || d->handshake.certs == NULL)
		return 0;
	/* The second connection failed: what the first one showed will do. */
	f->peer.certs = X509_chain_up_ref(d->handshake.certs);
	f->connected = f->peer.certs != NULL &&
		       chain_build(f->peer.certs, d->session.known, &f->chain) == 0;
	return f->connected ? 0 : -1;
}

static struct handshake_client client_tls(const struct doctor *d)
{
	struct handshake_client c = {.level = SECURITY_LEVEL, .minimum = TLS1_2_VERSION};

	if (d->options->python != NULL) {
		c.ciphers = d->python.ciphers;
		c.level = d->client[0].how.level;
		c.minimum = d->python.minimum;
		/* Newer ones offer nothing older at level 1, and ours may. */
		if (c.level >= 1 && c.minimum < TLS1_2_VERSION &&
		    d->python.openssl_version > DIAGNOSE_OPENSSL(3, 0))
			c.minimum = TLS1_2_VERSION;
		c.more_options = d->python.options;
	}
	return c;
}

static enum status fail(const char *text)
{
	show_error("%s", text);
	return STATUS_NO;
}

static void report(const struct doctor *d)
{
	if (d->options->json)
		doctor_report_json(d);
	else
		doctor_report(d);
}

/* The server, once there is something to judge by. */
static enum status examine(struct doctor *d)
{
	const struct options *o = d->options;
	struct fetch *f = &d->fetch;
	const struct connect_options how = {
		.servername = f->name.is_ip ? NULL : f->name.host,
		.proxy = o->proxy,
		.proxy_cas = d->session.proxy_cas,
		.cert = o->cert,
		.key = o->key,
		.timeout_ms = o->timeout_ms,
	};
	const struct handshake_client tls = client_tls(d);

	if (handshake_try(&f->target, &how, &tls, &d->handshake, &d->why) != 0)
		return fail(d->why.text);
	if (!d->handshake.opened) {
		d->why = d->handshake.why;
		d->status = STATUS_CONNECT;
		show_error("%s: %s", f->where, d->why.text);
		if (o->json)
			report(d);
		return d->status;
	}
	d->tls = diagnose_tls(&d->handshake.facts);
	d->why.text[0] = '\0';
	if (gather_chain(d) != 0 || trusted_read(&d->session.sources, &d->trusted) != 0)
		return fail("out of memory, or no thread can be started to connect");
	if (f->connected)
		report_chain(f);
	if (conclude(d) != 0)
		return fail("out of memory");
	report(d);
	return d->status;
}

/* Returns STATUS_DONE, or another after saying why. */
static enum status prepare(struct doctor *d)
{
	const struct options *o = d->options;
	const struct connect_options files = {.cert = o->cert, .key = o->key};
	struct fetch *f = &d->fetch;
	const char *wrong = target_parse(o->args[0], &f->target);
	char shown[SHOW_MAX];
	struct why why = {""};

	if (wrong != NULL) {
		show_error("%s: %s", show_text(o->args[0], shown), wrong);
		return STATUS_USAGE;
	}
	if (o->starttls_given)
		f->target.starttls = o->starttls;
	f->name = f->target;
	if (o->servername != NULL)
		target_parse_name(o->servername, &f->name); /* options_parse() tried it */
	target_text(&f->target, f->where);
	f->session = &d->session;
	if (connect_check_files(&files, &why) != 0 ||
	    (o->python != NULL && interpreter_ask(o->python, &d->python, &why) != 0) ||
	    session_open(o, &d->session, &why) != 0) {
		show_error("%s", why.text);
		return STATUS_USAGE;
	}
	if (sk_X509_num(d->session.public_cas) == 0)
		show_line(SHOW_WARNING, "%s", system_no_public_cas);
	if (o->python != NULL)
		add_interpreter(d);
	else
		add_generations(d);
	return STATUS_DONE;
}

/* Without a bundle a program does not even connect. Returns false where one can go on. */
static bool is_without_bundle(struct doctor *d)
{
	size_t failed = 0;

	for (size_t i = 0; i < d->clients; i++)
		if (d->client[i].load_failed) {
			write_load_error(&d->client[i], &d->client[i].plain);
			write_load_error(&d->client[i], &d->client[i].here);
			failed++;
		}
	if (failed < d->clients)
		return false;
	add_bundle_causes(d);
	d->remedy.kind = REMEDY_NONE;
	d->status = STATUS_NO_HELP;
	return true;
}

static void clear(struct doctor *d)
{
	for (size_t i = 0; i < d->clients; i++) {
		judge_store_clear(&d->client[i].store);
		judgement_clear(&d->client[i].plain.judgement);
		judgement_clear(&d->client[i].here.judgement);
		judgement_clear(&d->client[i].complete);
		judgement_clear(&d->client[i].trusting);
	}
	for (size_t i = 0; i < d->causes; i++)
		X509_free(d->cause[i].cert);
	for (int i = 0; i < PLANS; i++)
		sk_X509_pop_free(d->plan[i], X509_free);
	handshake_clear(&d->handshake);
	if (d->trusted.anchors != NULL)
		trusted_clear(&d->trusted);
	chain_clear(&d->fetch.chain);
	peer_clear(&d->fetch.peer);
	sk_X509_pop_free(d->fetch.fetched, X509_free);
	session_close(&d->session);
	free(d);
}

static enum status run(const struct options *options)
{
	struct doctor *d;
	enum status status;

	if (options->key != NULL && options->cert == NULL) {
		show_error("--key is the key of a --cert");
		return STATUS_USAGE;
	}
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return fail("out of memory");
	d->options = options;
	status = prepare(d);
	if (status == STATUS_DONE && is_without_bundle(d)) {
		report(d);
		status = d->status;
	} else if (status == STATUS_DONE) {
		status = examine(d);
	}
	clear(d);
	return status;
}

const struct command doctor_command = {
	.name = "doctor",
	.arguments = "[OPTION...] TARGET",
	.summary = "says why verification fails, and what mends it",
	.help = "Connects to TARGET as Python does, names all causes for which Python up to 3.12, "
		"or 3.13\n"
		"and newer, would fail, each with Python's own words; says whether adding a CA "
		"would help,\n"
		"and the command that mends it. Saves nothing.\n\n"
		"TARGET is HOST, HOST:PORT, [IPV6]:PORT or a URL: https, smtp, imap, ldap, "
		"postgres...\n"
		"The port is 443 if not given.\n\n"
		"what to judge by, besides the trust directories:\n"
		"  --ca-bundle FILE          this bundle, instead of the system's\n"
		"  --python EXE              what this Python's ssl, certifi and requests really "
		"load\n"
		"  --dir DIR                 the trust directory, instead of CATRUST_DIR and the "
		"defaults\n"
		"  --public-bundle FILE      the public CAs (default: the system's)\n\n"
		"how to connect:\n"
		"  --starttls PROTO          what to speak before TLS, if TARGET does not tell; or "
		"none\n"
		"  --proxy URL               http, https, socks4, socks4a, socks5, socks5h "
		"(default: the\n"
		"                            environment's; \"\": none)\n"
		"  --servername NAME         the name to ask for and to verify, if not that of "
		"TARGET\n"
		"  --cert FILE, --key FILE   a client certificate and its key, PEM\n"
		"  --timeout S               seconds to wait at each step (10)\n"
		"  --no-aia                  do not fetch issuers from where certificates say they "
		"are\n"
		"  --aia-local               fetch them even from this machine and its link\n\n"
		"  --json                    tell it for programs\n"
		"  --help\n\n"
		"exit status: 0 it verifies already; 1 it fails, and the CA that is named would "
		"mend it;\n"
		"2 wrong usage; 3 no connection; 4 adding a CA would not help, and it says what "
		"would.\n",
	.options = OPTIONS_CONNECT | OPTION_DIR | OPTION_PUBLIC_BUNDLE | OPTION_JSON |
		   OPTION_CA_BUNDLE | OPTION_PYTHON,
	.least_args = 1,
	.most_args = 1,
	.run = run,
};
