/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include "base/escape.h"
#include "certs/certnames.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

STACK_OF(X509) * doctor_sent(const struct doctor *d)
{
	return d->handshake.certs != NULL ? d->handshake.certs : d->fetch.peer.certs;
}

static bool is_about_name(int code)
{
	return code == X509_V_ERR_HOSTNAME_MISMATCH || code == X509_V_ERR_IP_ADDRESS_MISMATCH;
}

/* The message of urllib3 1, which compares names itself. Returns 0, or -1: out of memory. */
static int write_mismatch(const struct doctor *d, char text[PYTHON_TEXT])
{
	struct certnames names;
	size_t at, count = 0, said = 0;

	if (certnames_read(sk_X509_value(doctor_sent(d), 0), &names) != 0)
		return -1;
	/* The subject counts if there is nothing else. */
	for (size_t i = 0; i < names.count; i++)
		count += certnames_is_compared(&names, &names.item[i]);
	at = (size_t)snprintf(text, PYTHON_TEXT, "hostname '%s' doesn't match %s",
			      d->fetch.name.host, count > 1 ? "either of " : "");
	for (size_t i = 0; i < names.count && at < PYTHON_TEXT; i++) {
		char one[ESCAPE_REPR * TARGET_HOST];

		if (!certnames_is_compared(&names, &names.item[i]))
			continue;
		at += (size_t)snprintf(text + at, PYTHON_TEXT - at, "%s%s", said++ == 0 ? "" : ", ",
				       escape_repr(one, sizeof(one), names.item[i].text));
	}
	if (count == 0)
		snprintf(text, PYTHON_TEXT,
			 "no appropriate commonName or subjectAltName fields were found");
	certnames_clear(&names);
	return 0;
}

static bool compares_names_itself(const struct doctor_client *c, int code)
{
	return c->how.name_last && is_about_name(code);
}

/* What the client says after "certificate verify failed: ". Returns 0, or -1: out of memory. */
int doctor_write_words(const struct doctor *d, const struct doctor_client *c, int code,
		       char text[PYTHON_TEXT])
{
	if (compares_names_itself(c, code))
		return write_mismatch(d, text);
	python_words(code, d->fetch.name.host, c->openssl, text);
	return 0;
}

/* Returns 1 if client accepts it, 0 if not, or -1: out of memory. */
static int try_anchors(const struct doctor *d, const struct doctor_client *c,
		       const STACK_OF(X509) * more, const struct scopes *scopes, bool relax,
		       bool contexts)
{
	const struct verify_anchors anchors = {&d->fetch.trusted, more, scopes};
	struct verify_how how = c->how;
	struct verify_result result;
	int accepted;

	if (c->load_failed || c->is_hopeless)
		return 0;
	how.relax = relax || verify_is_relaxed();
	how.public_only = contexts && verify_is_public_only();
	if (verify_chain(&c->store, &anchors, doctor_sent(d), &d->fetch.name, &how, &result) != 0)
		return -1;
	accepted = result.count == 0;
	verify_result_clear(&result);
	return accepted;
}

static int count_accepted(const struct doctor *d, const STACK_OF(X509) * more,
			  const struct scopes *scopes, bool relax, bool contexts)
{
	int count = 0;

	for (size_t i = 0; i < d->clients; i++) {
		int accepted = try_anchors(d, &d->client[i], more, scopes, relax, contexts);

		if (accepted < 0)
			return -1;
		count += accepted;
	}
	return count;
}

int doctor_count_accepted(const struct doctor *d, const STACK_OF(X509) * more,
			  const struct scopes *scopes, bool relax)
{
	return count_accepted(d, more, scopes, relax, true);
}

int doctor_count_in_all_contexts(const struct doctor *d)
{
	return count_accepted(d, NULL, NULL, false, false);
}

static int set_verdict(const struct doctor *d, const struct doctor_client *c,
		       const struct verify_anchors *anchors, struct doctor_verdict *v)
{
	struct verify_how how = c->how;

	if (c->load_failed)
		return 0;
	how.relax = verify_is_relaxed();
	how.public_only = verify_is_public_only();
	if (verify_chain(&c->store, anchors, doctor_sent(d), &d->fetch.name, &how, &v->result) != 0)
		return -1;
	if (v->result.count > 0) {
		v->exception = "ssl.SSLCertVerificationError";
		python_verify_text(v->result.error[0].code, d->fetch.name.host, c->openssl,
				   v->text);
		if (compares_names_itself(c, v->result.error[0].code)) {
			v->exception = "CertificateError";
			if (write_mismatch(d, v->text) != 0)
				return -1;
		}
	} else if (d->tls != TLS_FINE) {
		v->exception = python_tls_exception(&d->handshake.facts);
		python_tls_text(&d->handshake.facts, d->python.openssl_version, v->text);
	}
	return 0;
}

/* If TLS fails before the server's certificates arrive, the client sees only that error. */
void doctor_set_tls_verdict(const struct doctor *d, struct doctor_verdict *v)
{
	v->exception = python_tls_exception(&d->handshake.facts);
	python_tls_text(&d->handshake.facts, d->python.openssl_version, v->text);
}

int doctor_set_verdicts(struct doctor *d)
{
	const struct verify_anchors none = {NULL, NULL, NULL},
				    here = {&d->fetch.trusted, NULL, NULL};

	for (size_t i = 0; i < d->clients; i++) {
		struct doctor_client *c = &d->client[i];

		if (set_verdict(d, c, &none, &c->plain) != 0 ||
		    set_verdict(d, c, &here, &c->here) != 0)
			return -1;
		if (d->handshake.certs == NULL && !c->load_failed) {
			doctor_set_tls_verdict(d, &c->plain);
			doctor_set_tls_verdict(d, &c->here);
		}
	}
	return 0;
}

bool doctor_accepts(const struct doctor_verdict *v, const struct doctor_client *c)
{
	return !c->load_failed && v->result.count == 0;
}

/* more may be NULL. */
static int judge(const struct doctor *d, const struct doctor_client *c,
		 const struct verify_store *store, STACK_OF(X509) * sent,
		 const STACK_OF(X509) * more, struct verify_result *ret)
{
	const struct verify_anchors anchors = {&d->fetch.trusted, more, NULL};
	struct verify_how how = c->how;

	how.relax = verify_is_relaxed();
	how.public_only = verify_is_public_only();
	return verify_chain(store, &anchors, sent, &d->fetch.name, &how, ret);
}

/* Are rules broken that nothing fixes? Another anchor that avoids them is no remedy. */
static bool is_hopeless(const struct verify_result *j)
{
	for (size_t i = 0; i < j->count; i++) {
		const struct verify_error *e = &j->error[i];
		const struct diagnosis *diagnosis = diagnose_code(e->code, e->depth, GAP_NONE);

		if (!diagnose_is_gap(e->code) && !diagnosis->ca_helps && !diagnosis->relax)
			return true;
	}
	return false;
}

/* Also verifies the whole path, without and with trust in its top. */
int doctor_judge_paths(const struct doctor *d, struct doctor_client *c)
{
	const struct verify_store none = {.certs = NULL};
	STACK_OF(X509) *path = d->fetch.chain.path;
	STACK_OF(X509) *anchor = NULL;
	int result = -1;
	X509 *top;

	if (c->load_failed)
		return 0;
	if (chain_top(&d->fetch.chain, &top) != CHAIN_NONE) {
		anchor = doctor_stack_of(top);
		if (anchor == NULL)
			return -1;
	}
	if (judge(d, c, &none, doctor_sent(d), NULL, &c->alone) == 0 &&
	    judge(d, c, &c->store, path, NULL, &c->complete) == 0 &&
	    judge(d, c, &c->store, path, anchor, &c->trusting) == 0)
		result = 0;
	c->is_hopeless = is_hopeless(&c->trusting) && !doctor_accepts(&c->here, c);
	sk_X509_pop_free(anchor, X509_free);
	return result;
}

/* requests and others that use urllib3 2 ignore the subject. */
int doctor_check_common_name(struct doctor *d)
{
	const struct verify_anchors here = {&d->fetch.trusted, NULL, NULL};

	for (size_t i = 0; i < d->clients && !d->common_name_only; i++) {
		const struct doctor_client *c = &d->client[i];
		struct verify_how how = c->how;
		struct verify_result j;

		if (!doctor_accepts(&c->here, c))
			continue;
		how.common_name = false;
		how.relax = verify_is_relaxed();
		how.public_only = verify_is_public_only();
		if (verify_chain(&c->store, &here, doctor_sent(d), &d->fetch.name, &how, &j) != 0)
			return -1;
		d->common_name_only = j.count > 0;
		verify_result_clear(&j);
	}
	return 0;
}
