/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/execute.h"

#include "base/quote.h"
#include "base/show.h"
#include "certs/certshow.h"
#include "fetch/fetchcommand.h"
#include "fetch/import.h"

#include <stdio.h>
#include <string.h>

static void show_dryrun(const char *client, const struct dryrun *result)
{
	if (result->error == X509_V_OK)
		show_line(SHOW_PLAIN, "with it, this server is accepted by %s", client);
	else
		show_line(SHOW_WARNING, "with it, this server is still refused by %s: %s (%s)",
			  client, X509_verify_cert_error_string(result->error),
			  result->depth == 0 ? "the server's own certificate"
					     : "a CA of the chain");
}

/* The target as the user may have typed it. */
static void write_target(const struct fetch *f, char buf[TARGET_TEXT + 32])
{
	bool bare = f->session->options->starttls_given || strcmp(f->target.scheme, "https") == 0;

	snprintf(buf, TARGET_TEXT + 32, "%s%s%s", bare ? "" : f->target.scheme, bare ? "" : "://",
		 f->where);
}

/* Shows the same command with sufficient scopes. */
static void show_wider(const struct fetch *f)
{
	struct quote command = {.len = 0};
	char target[TARGET_TEXT + 32];

	write_target(f, target);
	fetchcommand_write(&command, f->session->options, target, &f->plan.wider);
	if (!command.full)
		show_line(SHOW_PLAIN, "\n  %s\n", command.text);
}

/* If trust is not what is missing, doctor says what is. A proxy's password is not repeated. */
static void show_doctor(const struct fetch *f)
{
	const struct options *o = f->session->options;
	struct quote command = {.len = 0};
	char target[TARGET_TEXT + 32];

	if (o->proxy != NULL && strchr(o->proxy, '@') != NULL)
		return;
	write_target(f, target);
	fetchcommand_doctor(&command, o, target);
	if (!command.full)
		show_line(SHOW_PLAIN, "if the connection still fails: %s", command.text);
}

static void show_verdicts(const struct fetch *f)
{
	const struct plan *p = &f->plan;

	if (!p->verdict.known)
		return;
	if (p->verdict.older.error == p->verdict.newer.error &&
	    p->verdict.older.depth == p->verdict.newer.depth) {
		show_dryrun("Python up to 3.12 as well as 3.13 and newer", &p->verdict.older);
	} else {
		show_dryrun("Python up to 3.12", &p->verdict.older);
		show_dryrun("Python 3.13 and newer", &p->verdict.newer);
	}
	if (plan_below_helps(p))
		show_line(SHOW_WARNING,
			  "--with-intermediate would fix that: it also saves the intermediate CA "
			  "%s. The price: Python 3.13 and newer then trust that CA by itself, even "
			  "when the root has expired",
			  chain_contains(f->peer.certs, sk_X509_value(p->below, 0))
				  ? "below the root"
				  : "that the server fails to send");
}

static const char *source_of(const struct fetch *f, const X509 *cert)
{
	if (chain_contains(f->peer.certs, cert))
		return "sent by ";
	return chain_contains(f->fetched, cert)		  ? "named as its issuer by a CA, for "
	       : chain_contains(f->session->system, cert) ? "system store, for "
							  : "known on this machine, for ";
}

/* Shows the candidate after its check, and saves what the plan says. */
static enum status carry_out(struct fetch *f, const struct import *import)
{
	struct plan *p = &f->plan;
	enum import_check check = import_examine(import);
	enum status status;

	if (check == IMPORT_PUBLIC || check == IMPORT_REFUSED)
		return STATUS_NO;
	if (check == IMPORT_GO_ON)
		show_verdicts(f);
	f->trusted_already = check == IMPORT_TRUSTED;
	if (p->result == PLAN_REFUSED) {
		fetch_fail(f, "%s", p->why.text);
		if (p->wider.count > 0)
			show_wider(f);
		return STATUS_NO;
	}
	if (check == IMPORT_GO_ON)
		return import_save(import);
	show_doctor(f);
	status = import_save_below(import);
	if (trusted_file_of(&f->trusted, p->candidate) != NULL)
		p->scopes.count = 0; /* it is trusted for every name, whatever the user asked for */
	return status;
}

void execute(struct fetch *f)
{
	const struct options *options = f->session->options;
	struct plan_wish wish = {
		.pin = options->pin,
		.with_intermediate = options->with_intermediate,
		.fingerprints = &options->fingerprints,
	};
	const char *wrong = options_scopes(options, &wish.scopes);
	char source[64 + TARGET_TEXT];
	struct plan *p = &f->plan;
	struct import import;

	f->status = STATUS_NO;
	if (wrong != NULL) {
		fetch_fail(f, "%s: nothing is saved", wrong);
		return;
	}
	plan_make(f, &wish, p);
	if (p->because == NULL) {
		if (p->pin_too_wide)
			show_line(SHOW_WARNING, "A pin covers all names of its certificate, since "
						"Python would refuse it otherwise. To trust it for "
						"all of them, give each name with --scope.");
		fetch_fail(f, "%s", p->why.text);
		return;
	}
	if (p->pin_names.text[0] != '\0')
		show_line(SHOW_PLAIN, "the server's certificate also names %s", p->pin_names.text);
	import = plan_import(f, options->pin, p);
	snprintf(source, sizeof(source), "%s%s", source_of(f, p->candidate), f->where);
	import.source = source;
	import.below = options->with_intermediate ? p->below : NULL;
	import.error = &f->error;
	import.findings = &f->findings;
	import.path = f->path;
	if (options->with_intermediate && sk_X509_num(p->below) == 0)
		show_line(SHOW_PLAIN, "--with-intermediate: there is no intermediate CA between "
				      "the two");
	f->status = carry_out(f, &import);
}
