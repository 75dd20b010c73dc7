/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include "base/json.h"
#include "base/show.h"
#include "certs/certnames.h"
#include "certs/certshow.h"
#include "fetch/report.h"

#include <stdio.h>
#include <string.h>

enum { NAMES_SHOWN = 8 };

static bool helps(const struct doctor *d)
{
	return d->status == STATUS_NO;
}

static bool has_anchors(const struct doctor *d)
{
	return d->fetch.trusted.anchors != NULL && d->fetch.trusted.anchors->count > 0;
}

static void print_verdict(const char *label, const struct doctor_verdict *v)
{
	char who[SHOW_MAX], shown[SHOW_MAX];

	show_text(label, who);
	if (v->exception == NULL)
		printf("  %s: accepted\n", who);
	else if (v->text[0] == '\0')
		printf("  %s:\n    (no answer: %s)\n", who, v->exception);
	else
		printf("  %s:\n    %s: %s\n", who, v->exception, show_text(v->text, shown));
}

/* Does catrust-run change what any of the clients says? */
static bool differs_under_run(const struct doctor *d)
{
	for (size_t i = 0; has_anchors(d) && i < d->clients; i++) {
		const struct doctor_client *c = &d->client[i];

		if (c->plain.exception != c->here.exception ||
		    strcmp(c->plain.text, c->here.text) != 0)
			return true;
	}
	return false;
}

static void print_verdicts(const struct doctor *d)
{
	bool differs = differs_under_run(d);

	for (size_t i = 0; i < d->clients; i++) {
		const struct doctor_client *c = &d->client[i];
		char label[sizeof(c->label) + sizeof(", under catrust-run")];

		print_verdict(c->label, &c->plain);
		if (!differs)
			continue;
		snprintf(label, sizeof(label), "%s, under catrust-run", c->label);
		print_verdict(label, &c->here);
	}
}

/* "Python 3.13 and newer: ", if the cause does not concern all of them. */
static void print_who(const struct doctor *d, const struct doctor_cause *cause)
{
	const char *separator = "";
	char shown[SHOW_MAX];

	if (cause->clients == (1U << d->clients) - 1)
		return;
	for (size_t i = 0; i < d->clients; i++)
		if ((cause->clients & 1U << i) != 0) {
			printf("%s%s", separator, show_text(d->client[i].label, shown));
			separator = ", ";
		}
	fputs(": ", stdout);
}

/* The names of a certificate: the user may connect to these instead. */
static void print_names(const X509 *cert)
{
	char names[NAMES_SHOWN * SHOW_MAX];

	if (certnames_shown(cert, NAMES_SHOWN, names, sizeof(names)) > 0)
		printf("     its names: %s\n", names);
	else
		puts("     it has no names (subjectAltName)");
}

static bool is_about_names(const struct doctor_cause *cause)
{
	return cause->kind == CAUSE_VERIFICATION && (cause->code == X509_V_ERR_HOSTNAME_MISMATCH ||
						     cause->code == X509_V_ERR_IP_ADDRESS_MISMATCH);
}

static void print_cause(const struct doctor *d, size_t i)
{
	const struct doctor_cause *cause = &d->cause[i];
	char shown[SHOW_MAX];

	printf("\n  %zu. ", i + 1);
	print_who(d, cause);
	printf("%s\n", cause->diagnosis.cause);
	if (cause->text[0] != '\0')
		printf("     %s", show_text(cause->text, shown));
	if (cause->kind == CAUSE_VERIFICATION)
		printf(" (code %d)", cause->code);
	if (cause->text[0] != '\0')
		putchar('\n');
	if (cause->cert != NULL)
		printf("     %s: %s\n",
		       cause->depth == 0 ? "the server's own certificate" : "a CA of the chain",
		       certshow_name(X509_get_subject_name(cause->cert), shown));
	if (cause->cert != NULL && cause->kind == CAUSE_VERIFICATION &&
	    diagnose_is_gap(cause->code) && !chain_is_root(cause->cert))
		printf("     its issuer: %s\n",
		       certshow_name(X509_get_issuer_name(cause->cert), shown));
	if (is_about_names(cause) && cause->cert != NULL)
		print_names(cause->cert);
	printf("     -> %s\n", cause->diagnosis.fix);
}

/* Which certificate breaks the rules; it may be another one than the trusted one. */
static void print_offender(const struct doctor *d)
{
	char name[SHOW_MAX];

	for (size_t i = 0; i < d->causes; i++) {
		const struct doctor_cause *cause = &d->cause[i];

		if (!cause->diagnosis.relax || cause->cert == NULL)
			continue;
		printf("  it is %s that breaks them: %s\n",
		       cause->depth == 0 ? "the server's own certificate" : "a CA of the chain",
		       certshow_name(X509_get_subject_name(cause->cert), name));
		return;
	}
}

static void print_candidate(const struct doctor *d)
{
	char name[SHOW_MAX], text[FINGERPRINT_TEXT];
	struct fingerprint f;

	if (d->candidate == NULL || fingerprint_of(d->candidate, &f) != 0)
		return;
	printf("  which asks before it saves %s\n  SHA-256 %s\n",
	       certshow_name(X509_get_subject_name(d->candidate), name),
	       fingerprint_text(&f, text));
}

/* Is a CA missing as well, and can it be added? */
static bool lacks_ca(const struct doctor *d)
{
	for (size_t i = 0; i < d->causes; i++)
		if (d->cause[i].kind == CAUSE_VERIFICATION && diagnose_is_gap(d->cause[i].code) &&
		    d->cause[i].diagnosis.ca_helps)
			return true;
	return false;
}

static const char *conclusion(const struct doctor *d)
{
	switch (d->remedy.kind) {
	case REMEDY_NOTHING:
		return d->tls == TLS_FINE ? "it verifies already"
					  : "adding a CA would not help: trust is not the problem";
	case REMEDY_RUN:
		return d->tls == TLS_FINE
			       ? "it verifies with the CAs of the trust directory, in programs "
				 "that "
				 "are started with catrust-run"
			       : "adding a CA would not help: it is trusted under catrust-run, and "
				 "trust is not the problem";
	case REMEDY_FETCH:
	case REMEDY_PIN:
	case REMEDY_WITH_INTERMEDIATE:
		if (d->remedy.kind != REMEDY_PIN && d->scopes[PLAN_FETCH].count > 0)
			return "the CA is trusted, but not for all names of the certificate: a "
			       "wider scope helps";
		return helps(d) ? "adding the CA helps" : "adding the CA is needed, but not enough";
	case REMEDY_ADD:
		if (d->remedy.relax)
			return "adding the CA would help, with CATRUST_STRICT=relax, but its "
			       "certificate must come from elsewhere";
		return helps(d) ? "adding the CA would help, but its certificate must come from "
				  "elsewhere"
				: "adding the CA is needed, but not enough";
	case REMEDY_RELAX:
		return "adding a CA would not help: the CA is trusted, but the chain breaks rules "
		       "that Python 3.13 and newer enforce";
	case REMEDY_CONTEXTS:
		return "adding a CA would not help: the CA is trusted, but CATRUST_CONTEXTS=public "
		       "keeps it from programs whose bundle has no public CAs";
	case REMEDY_BUNDLE:
		return "adding a CA to the trust directory is not the right fix: the CA is "
		       "publicly trusted, but the bundle lacks it; use a complete bundle, such as "
		       "the system's";
	case REMEDY_NONE:
		break;
	}
	return lacks_ca(d) ? "adding the CA is not enough" : "adding a CA would not help";
}

static const char *words_for_pin(const struct doctor *d)
{
	return d->remedy.kind == REMEDY_PIN && helps(d)
		       ? "pinning the server's own certificate helps"
		       : conclusion(d);
}

static const char common_name_note[] =
	"the certificate has the name only in its subject, and not as a subjectAltName: requests "
	"and other users of urllib3 2 or newer refuse it (Hostname mismatch)";

void doctor_report(const struct doctor *d)
{
	bool is_fine = d->remedy.kind == REMEDY_RUN && d->tls == TLS_FINE;
	char shown[SHOW_MAX];

	printf("%s\n", d->fetch.where);
	print_verdicts(d);
	if (d->python.problem[0] != '\0')
		printf("  note: %s\n", show_text(d->python.problem, shown));
	if (d->common_name_only)
		printf("  note: %s\n", common_name_note);
	/* Good news comes first. */
	if (is_fine)
		printf("\n%s\n", conclusion(d));
	if (d->causes > 0)
		printf("\nwhy it fails%s:", is_fine ? " without catrust-run" : "");
	for (size_t i = 0; i < d->causes; i++)
		print_cause(d, i);
	if (!is_fine)
		printf("\n%s\n", words_for_pin(d));
	if (d->remedy.kind == REMEDY_RELAX)
		print_offender(d);
	if (d->command.len > 0)
		printf("\n  %s\n\n", d->command.text);
	print_candidate(d);
}

static void json_verdict(struct json *j, const struct doctor_verdict *v)
{
	const struct verify_result *result = &v->result;

	json_bool(j, "accepted", v->exception == NULL);
	json_string(j, "exception", v->exception);
	json_string(j, "text", v->exception == NULL ? NULL : v->text);
	if (result->count > 0)
		json_number(j, "code", result->error[0].code);
	else
		json_string(j, "code", NULL);
}

static void json_clients(struct json *j, const struct doctor *d)
{
	json_open_array(j, "clients");
	for (size_t i = 0; i < d->clients; i++) {
		const struct doctor_client *c = &d->client[i];

		json_open_object(j, NULL);
		json_string(j, "name", c->name);
		json_string(j, "label", c->label);
		json_string(j, "file", c->file[0] == '\0' ? NULL : c->file);
		json_string(j, "directory", c->store.dir[0] == '\0' ? NULL : c->store.dir);
		json_verdict(j, &c->plain);
		json_open_object(j, "catrust_run");
		json_verdict(j, &c->here);
		json_close_object(j);
		json_close_object(j);
	}
	json_close_array(j);
}

static void json_fingerprint(struct json *j, const char *key, const X509 *cert)
{
	char text[FINGERPRINT_TEXT];
	struct fingerprint f;

	json_string(j, key,
		    cert != NULL && fingerprint_of(cert, &f) == 0 ? fingerprint_text(&f, text)
								  : NULL);
}

static void json_causes(struct json *j, const struct doctor *d)
{
	static const char *const kinds[] = {"verification", "tls", "bundle"};

	json_open_array(j, "causes");
	for (size_t i = 0; i < d->causes; i++) {
		const struct doctor_cause *cause = &d->cause[i];
		char name[SHOW_MAX];

		json_open_object(j, NULL);
		json_string(j, "kind", kinds[cause->kind]);
		if (cause->kind == CAUSE_VERIFICATION) {
			json_number(j, "code", cause->code);
			json_number(j, "depth", cause->depth);
		} else {
			json_string(j, "code", NULL);
			json_string(j, "depth", NULL);
		}
		json_string(j, "problem",
			    cause->kind == CAUSE_TLS ? tls_failure_name(d->tls) : NULL);
		json_string(j, "text", cause->text);
		json_open_array(j, "clients");
		for (size_t k = 0; k < d->clients; k++)
			if ((cause->clients & 1U << k) != 0)
				json_string(j, NULL, d->client[k].name);
		json_close_array(j);
		json_string(j, "subject",
			    cause->cert == NULL
				    ? NULL
				    : certshow_name(X509_get_subject_name(cause->cert), name));
		json_fingerprint(j, "sha256", cause->cert);
		json_string(j, "cause", cause->diagnosis.cause);
		json_string(j, "fix", cause->diagnosis.fix);
		json_bool(j, "ca_helps", cause->diagnosis.ca_helps);
		json_close_object(j);
	}
	json_close_array(j);
}

static const char *result_of(const struct doctor *d)
{
	switch (d->status) {
	case STATUS_DONE:
		return "verifies";
	case STATUS_CONNECT:
		return "unreachable";
	default:
		return "fails";
	}
}

static const char *remedy_of(const struct doctor *d)
{
	static const char *const names[] = {
		[REMEDY_NOTHING] = "nothing",
		[REMEDY_RUN] = "catrust-run",
		[REMEDY_FETCH] = "fetch",
		[REMEDY_WITH_INTERMEDIATE] = "fetch-with-intermediate",
		[REMEDY_PIN] = "pin",
		[REMEDY_ADD] = "add",
		[REMEDY_RELAX] = "relax",
		[REMEDY_CONTEXTS] = "contexts",
		[REMEDY_BUNDLE] = "bundle",
		[REMEDY_NONE] = "none",
	};

	return d->status == STATUS_CONNECT ? "none" : names[d->remedy.kind];
}

void doctor_report_json(const struct doctor *d)
{
	const struct fetch *f = &d->fetch;
	struct json j = {.to = stdout};

	json_open_object(&j, NULL);
	json_number(&j, "version", 1);
	json_number(&j, "status", (long)d->status);
	json_string(&j, "target", f->where);
	json_string(&j, "starttls",
		    f->target.starttls == STARTTLS_NONE ? NULL : starttls_name(f->target.starttls));
	json_string(&j, "servername", f->name.host);
	json_string(&j, "result", result_of(d));
	json_string(&j, "error", d->why.text[0] == '\0' ? NULL : d->why.text);
	json_string(&j, "python", d->options->python == NULL ? NULL : d->python.version);
	json_string(&j, "openssl", d->options->python == NULL ? NULL : d->python.openssl);
	json_clients(&j, d);
	json_causes(&j, d);
	json_open_array(&j, "notes");
	if (d->python.problem[0] != '\0')
		json_string(&j, NULL, d->python.problem);
	if (d->common_name_only)
		json_string(&j, NULL, common_name_note);
	json_close_array(&j);
	json_string(&j, "remedy", remedy_of(d));
	json_bool(&j, "ca_helps", helps(d));
	json_string(&j, "command", d->command.len == 0 ? NULL : d->command.text);
	json_fingerprint(&j, "candidate", d->candidate);
	report_json_chain(&j, f);
	json_close_object(&j);
}
