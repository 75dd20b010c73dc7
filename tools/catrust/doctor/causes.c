/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include <string.h>

static struct doctor_cause *new_cause(struct doctor *d)
{
	return d->causes == DOCTOR_CAUSES ? NULL : &d->cause[d->causes++];
}

void doctor_add_bundle_causes(struct doctor *d)
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

void doctor_add_tls_cause(struct doctor *d)
{
	const struct diagnosis *diagnosis = tls_failure_diagnosis(d->tls);
	struct doctor_cause *cause = diagnosis == NULL ? NULL : new_cause(d);

	if (cause == NULL)
		return;
	cause->kind = CAUSE_TLS;
	cause->clients = (1U << d->clients) - 1;
	cause->diagnosis = *diagnosis;
	python_tls_text(&d->handshake.facts, d->python.openssl_version, cause->text);
	if (d->tls == TLS_PLAIN_TEXT || d->tls == TLS_CLOSED) {
		const char *what = tls_failure_plain_text(d->handshake.facts.first,
							  d->handshake.facts.first_len);

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

/* Does the client trust a CA with the name of the chain's top, but with another key? */
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
	for (size_t i = 0; i < d->fetch.trusted.anchors->count; i++) {
		const X509 *cert = d->fetch.trusted.cert[i];

		if (cert != NULL && X509_NAME_cmp(X509_get_subject_name(cert), name) == 0 &&
		    (!chain_is_root(top) || !candidate_same_key(cert, top)))
			return true;
	}
	return false;
}

static bool has_gap(const struct verify_result *j)
{
	for (size_t i = 0; i < j->count; i++)
		if (diagnose_is_gap(j->error[i].code))
			return true;
	return false;
}

/* complete: the verification of the whole path, as if the server sent it. */
static enum diagnose_gap gap_of(const struct doctor *d, const struct doctor_client *c, int code,
				const struct verify_result *complete)
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
		.anchors_trusted = d->fetch.trusted.anchors->count > 0,
	};

	return diagnose_gap(&facts);
}

/* Returns 0, or -1: out of memory. */
static int add_error(struct doctor *d, size_t client, const struct verify_error *e,
		     enum diagnose_gap gap)
{
	struct doctor_cause *cause = NULL;
	char text[PYTHON_TEXT];

	if (doctor_write_words(d, &d->client[client], e->code, text) != 0)
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
static bool is_told(const struct verify_result *found, const struct verify_error *e)
{
	for (size_t i = 0; i < found->count; i++)
		if (found->error[i].code == X509_V_ERR_INVALID_CA &&
		    found->error[i].depth == e->depth)
			return e->code == X509_V_ERR_INVALID_PURPOSE;
	return false;
}

/*
 * All errors that a client finds, without those that only follow from a missing issuer. Returns 0,
 * or -1: out of memory.
 */
static int add_errors(struct doctor *d, size_t client, const struct verify_result *found,
		      const struct verify_result *complete, bool gaps)
{
	const struct doctor_client *c = &d->client[client];
	bool gap_told = false;

	for (size_t i = 0; i < found->count; i++) {
		const struct verify_error *e = &found->error[i];
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

/*
 * The errors that a client finds now, and those that it would also find if the CA on top were
 * trusted. If the client itself has a certificate with a name of the chain, an anchor is lent only
 * if its chain is good. Otherwise OpenSSL says that there is no issuer, although the CA is trusted.
 * The cause is then what is wrong with the chain that ends at the anchor.
 */
int doctor_add_client_causes(struct doctor *d, size_t i, bool as_it_is)
{
	const struct doctor_client *c = &d->client[i];
	const struct verify_result *found = as_it_is ? &c->plain.result : &c->here.result;

	if (c->load_failed || found->count == 0)
		return 0;
	if (!as_it_is && has_gap(found) && c->alone.count > 0 && !has_gap(&c->alone))
		found = &c->alone;
	if (add_errors(d, i, found, &c->complete, true) != 0)
		return -1;
	return add_errors(d, i, &c->trusting, &c->complete, false);
}

/* Of the certificates that the server should have sent, including its own. */
static bool all_expired(const struct doctor *d)
{
	const STACK_OF(X509) *path = d->fetch.chain.path;

	for (int i = 0; i < sk_X509_num(path); i++)
		if (X509_cmp_current_time(X509_get0_notAfter(sk_X509_value(path, i))) >= 0)
			return false;
	return sk_X509_num(path) > 1;
}

void doctor_suspect_clock(struct doctor *d)
{
	if (!all_expired(d))
		return;
	for (size_t i = 0; i < d->causes; i++)
		if (d->cause[i].kind == CAUSE_VERIFICATION &&
		    d->cause[i].code == X509_V_ERR_CERT_HAS_EXPIRED)
			d->cause[i].diagnosis.fix =
				"check the clock of this machine first (date -u): according to it, "
				"all certificates of the chain have expired. If it is right, renew "
				"the certificates";
}
