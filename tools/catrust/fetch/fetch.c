/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch.h"

#include "gather.h"
#include "propose.h"
#include "report.h"
#include "show.h"
#include "system.h"
#include "targets.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fetch_fail(struct fetch *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(f->error.text, sizeof(f->error.text), format, args);
	va_end(args);
	show_error("%s: %s", f->where, f->error.text);
}

/* Shows what a server sent, and saves what is to be saved. */
static void finish(struct fetch *f)
{
	if (!f->connected) {
		f->status = STATUS_CONNECT;
		fetch_fail(f, "%s", f->why.text);
		return;
	}
	report_chain(f);
	/* Read anew for each target: the one before may have added to it. */
	if (trusted_read(&f->session->sources, &f->trusted) == 0) {
		propose(f);
		return;
	}
	f->status = STATUS_NO;
	fetch_fail(f, "out of memory");
}

static void clear(struct fetch *f)
{
	chain_clear(&f->chain);
	peer_clear(&f->peer);
	sk_X509_pop_free(f->fetched, X509_free);
	trusted_clear(&f->trusted);
}

/* Returns STATUS_DONE, or another after saying why. */
static enum status prepare(const struct options *options, struct session *session,
			   struct fetch *fetches, const struct targets *targets)
{
	const struct connect_options files = {.cert = options->cert, .key = options->key};
	struct why why = {""};

	for (size_t i = 0; i < targets->count; i++) {
		struct fetch *f = &fetches[i];

		f->session = session;
		f->target = targets->item[i];
		if (options->starttls_given)
			f->target.starttls = options->starttls;
		f->name = f->target;
		if (options->servername != NULL)
			target_parse_name(options->servername,
					  &f->name); /* options_parse() tried it */
		target_text(&f->target, f->where);
	}
	if (connect_check_files(&files, &why) != 0 || session_open(options, session, &why) != 0) {
		show_error("%s", why.text);
		return STATUS_USAGE;
	}
	if (sk_X509_num(session->public_cas) == 0)
		show_line(SHOW_WARNING, "%s", system_no_public_cas);
	return STATUS_DONE;
}

static enum status fetch_all(struct fetch *fetches, size_t count, const struct options *options)
{
	enum status worst = STATUS_DONE;

	if (gather(fetches, count) != 0) {
		show_error("no thread can be started to connect");
		return STATUS_NO;
	}
	gather_compare(fetches, count);
	for (size_t i = 0; i < count; i++) {
		finish(&fetches[i]);
		if (fetches[i].status > worst)
			worst = fetches[i].status;
	}
	if (options->json)
		report_json(fetches, count, worst);
	return worst;
}

static const char *contradiction(const struct options *o)
{
	if (o->json && o->to_stdout)
		return "--json and --stdout both want the standard output";
	if (o->key != NULL && o->cert == NULL)
		return "--key is the key of a --cert";
	if (o->pin && o->with_intermediate)
		return "--pin is for a certificate without intermediates";
	return NULL;
}

static enum status run(const struct options *options)
{
	struct session session = {.options = options};
	const char *wrong = contradiction(options);
	struct fetch *fetches = NULL;
	struct targets targets = {NULL, 0};
	enum status status = STATUS_USAGE;
	struct why why = {""};

	if (wrong != NULL) {
		show_error("%s", wrong);
		return STATUS_USAGE;
	}
	/* All are read before any is fetched: a slip in the last one costs nothing. */
	if (targets_read(options->args, options->arg_count, &targets, &why) != 0) {
		show_error("%s", why.text);
		return STATUS_USAGE;
	}
	fetches = calloc(targets.count, sizeof(*fetches));
	if (fetches == NULL) {
		show_error("out of memory");
		status = STATUS_NO;
		goto out;
	}
	status = prepare(options, &session, fetches, &targets);
	if (status == STATUS_DONE)
		status = fetch_all(fetches, targets.count, options);
out:
	for (size_t i = 0; fetches != NULL && i < targets.count; i++)
		clear(&fetches[i]);
	free(fetches);
	targets_clear(&targets);
	session_close(&session);
	return status;
}

const struct command fetch_command = {
	.name = "fetch",
	.arguments = "[OPTION...] TARGET...",
	.summary = "fetches a CA from a server, and saves it after confirmation",
	.help = "Connects to each TARGET, shows its certificates, finds the CA to trust, and saves "
		"it in\n"
		"the trust directory once it is confirmed: at the terminal, or by "
		"--fingerprint.\n\n"
		"TARGET is HOST, HOST:PORT, [IPV6]:PORT or a URL: https, smtp, imap, ldap, "
		"postgres...\n"
		"- reads TARGETs from standard input, one a line. The port is 443 if not given.\n\n"
		"what to save:\n"
		"  --fingerprint sha256:HEX  save the certificate with this SHA-256 fingerprint, "
		"without\n"
		"                            asking (repeatable)\n"
		"  --dir DIR                 the trust directory, instead of CATRUST_DIR and the "
		"defaults\n"
		"  --scope DOMAIN            let it vouch for DOMAIN and below alone (or "
		"ADDRESS/BITS;\n"
		"                            repeatable)\n"
		"  --pin                     save the server's own self-signed certificate, for "
		"its "
		"names\n"
		"                            alone\n"
		"  --with-intermediate       save the intermediate CA as well\n"
		"  --stdout                  print the certificate as PEM, save nothing\n"
		"  --public-bundle FILE      the public CAs, which are never saved (default: the "
		"system's)\n\n"
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
		"  --json                    tell on standard output, for programs, what came of "
		"it\n"
		"  --help\n\n"
		"exit status: 0 saved, or trusted already; 1 not confirmed, or refused; 2 wrong "
		"usage;\n"
		"3 no connection. With several TARGETs, the highest.\n",
	.options = OPTIONS_CONNECT | OPTION_DIR | OPTION_FINGERPRINT | OPTION_PUBLIC_BUNDLE |
		   OPTION_STDOUT | OPTION_JSON | OPTION_SCOPE | OPTION_PIN |
		   OPTION_WITH_INTERMEDIATE,
	.example = "catrust fetch git.corp.example",
	.changes_files = true,
	.least_args = 1,
	.most_args = TARGETS_MAX,
	.run = run,
};
