/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include "base/show.h"
#include "fetch/gather.h"
#include "fetch/report.h"
#include "store/system.h"

#include <stdlib.h>

static int conclude(struct doctor *d)
{
	bool certs = doctor_sent(d) != NULL;

	doctor_add_bundle_causes(d);
	if (certs && (doctor_make_plans(d) != 0 || doctor_set_verdicts(d) != 0))
		return -1;
	for (size_t i = 0; certs && i < d->clients; i++)
		if (doctor_judge_paths(d, &d->client[i]) != 0)
			return -1;
	if (certs && (doctor_set_facts(d) != 0 || doctor_check_common_name(d) != 0))
		return -1;
	for (size_t i = 0; !certs && i < d->clients; i++)
		if (!d->client[i].load_failed) {
			doctor_set_tls_verdict(d, &d->client[i].plain);
			doctor_set_tls_verdict(d, &d->client[i].here);
		}
	/* With catrust-run the server verifies, so explain why it does not verify without. */
	for (size_t i = 0; certs && i < d->clients; i++)
		if (doctor_add_client_causes(d, i, d->facts.here == d->facts.clients) != 0)
			return -1;
	doctor_add_tls_cause(d);
	d->remedy = (struct remedy){REMEDY_NONE, false};
	if (certs)
		doctor_advise(d);
	doctor_adapt_causes(d);
	doctor_suspect_clock(d);
	doctor_write_command(d);
	d->status = (enum status)remedy_status(&d->remedy, d->tls != TLS_FINE);
	return 0;
}

/* Problems that a more tolerant TLS connection may avoid, to see the certificates. */
static bool is_worth_another_try(enum tls_failure problem)
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
	/* The second connection failed, so use what the first one showed. */
	f->peer.certs = X509_chain_up_ref(d->handshake.certs);
	f->connected = f->peer.certs != NULL &&
		       chain_build(f->peer.certs, d->session.known, &f->chain) == 0;
	return f->connected ? 0 : -1;
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

/* The server, once its certificates are there. */
static enum status examine(struct doctor *d)
{
	const struct options *o = d->options;
	struct fetch *f = &d->fetch;
	const struct connect_options how = {
		.servername = f->name.is_ip ? NULL : f->name.host,
		.proxy = o->proxy,
		.proxy_cas = &d->session.proxy_cas,
		.cert = o->cert,
		.key = o->key,
		.timeout_ms = o->timeout_ms,
	};
	const struct handshake_client tls = doctor_client_tls(d);

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
	d->tls = tls_failure_of(&d->handshake.facts);
	d->why.text[0] = '\0';
	if (gather_chain(d) != 0 || trusted_read(&d->session.sources, &d->fetch.trusted) != 0)
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
	struct target target;
	const char *wrong = target_parse(o->args[0], &target);
	char shown[SHOW_MAX];
	struct reason why = {""};

	if (wrong != NULL) {
		show_error("%s: %s", show_text(o->args[0], shown), wrong);
		return STATUS_USAGE;
	}
	d->session.options = o;
	fetch_init(&d->fetch, &d->session, &target);
	if (connect_check_files(&files, &why) != 0 ||
	    (o->python != NULL && interpreter_ask(o->python, &d->python, &why) != 0) ||
	    session_open(o, &d->session, &why) != 0) {
		show_error("%s", why.text);
		return STATUS_USAGE;
	}
	if (sk_X509_num(d->session.public_cas) == 0)
		show_line(SHOW_WARNING, "%s", system_no_public_cas);
	doctor_add_clients(d);
	return STATUS_DONE;
}

/* If its bundle can't be read, a program does not even connect. Returns false if no client can go
 * on. */
static bool is_without_bundle(struct doctor *d)
{
	size_t failed = 0;

	for (size_t i = 0; i < d->clients; i++)
		if (d->client[i].load_failed) {
			doctor_write_load_error(&d->client[i], &d->client[i].plain);
			doctor_write_load_error(&d->client[i], &d->client[i].here);
			failed++;
		}
	if (failed < d->clients)
		return false;
	doctor_add_bundle_causes(d);
	d->remedy.kind = REMEDY_NONE;
	d->status = STATUS_NO_HELP;
	return true;
}

static void clear(struct doctor *d)
{
	for (size_t i = 0; i < d->clients; i++) {
		verify_store_clear(&d->client[i].store);
		verify_result_clear(&d->client[i].plain.result);
		verify_result_clear(&d->client[i].here.result);
		verify_result_clear(&d->client[i].alone);
		verify_result_clear(&d->client[i].complete);
		verify_result_clear(&d->client[i].trusting);
	}
	for (size_t i = 0; i < d->causes; i++)
		X509_free(d->cause[i].cert);
	for (int i = 0; i < PLANS; i++)
		sk_X509_pop_free(d->plan[i], X509_free);
	handshake_clear(&d->handshake);
	fetch_clear(&d->fetch);
	session_close(&d->session);
	free(d);
}

enum status doctor(const struct options *options)
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
