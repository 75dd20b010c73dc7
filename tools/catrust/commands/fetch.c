/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/fetch.h"

#include "base/show.h"
#include "cli/help.h"
#include "fetch/execute.h"
#include "fetch/gather.h"
#include "fetch/report.h"
#include "net/targets.h"
#include "store/system.h"

#include <stdlib.h>

/* Shows what a server sent, and saves the CA. */
static void finish(struct fetch *f)
{
	if (!f->connected) {
		f->status = STATUS_CONNECT;
		fetch_fail(f, "%s", f->why.text);
		return;
	}
	report_chain(f);
	/* This is read again for each target, because the one before may have added to it. */
	if (trusted_read(&f->session->sources, &f->trusted) == 0) {
		execute(f);
		return;
	}
	f->status = STATUS_NO;
	fetch_fail(f, "out of memory");
}

/* Returns STATUS_DONE, or another after saying why. */
static enum status prepare(const struct options *options, struct session *session,
			   struct fetch *fetches, const struct targets *targets)
{
	const struct connect_options files = {.cert = options->cert, .key = options->key};
	struct reason why = {""};

	for (size_t i = 0; i < targets->count; i++)
		fetch_init(&fetches[i], session, &targets->item[i]);
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
	struct reason why = {""};

	if (wrong != NULL) {
		show_error("%s", wrong);
		return STATUS_USAGE;
	}
	/*
	 * All targets are read before any is fetched, so that a mistake in the last one costs
	 * nothing.
	 */
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
		fetch_clear(&fetches[i]);
	free(fetches);
	targets_clear(&targets);
	session_close(&session);
	return status;
}

/* clang-format off */
static const char help[] =
	"Connects to each TARGET, shows its certificates and finds the CA to trust. Saves the CA in\n"
	"the trust directory after you confirm it: at the terminal, or with --fingerprint.\n"
	"\n"
	"TARGET is HOST, HOST:PORT, [IPV6]:PORT or a URL: https, smtp, imap, ldap, postgres...\n"
	"- reads TARGETs from standard input, one per line. The default port is 443.\n"
	"\n"
	"what to save:\n"
	"  --fingerprint sha256:HEX  save the certificate with this SHA-256 fingerprint, without\n"
	"                            asking (repeatable)\n"
	"  --dir DIR                 the trust directory, instead of CATRUST_DIR and the defaults\n"
	"  --scope DOMAIN|ADDRESS/BITS\n"
	"                            trust it only for DOMAIN and the names below it, or only for\n"
	"                            the addresses ADDRESS/BITS (repeatable)\n"
	"  --pin                     save the server's own self-signed certificate, trusted only\n"
	"                            for its own names\n"
	"  --with-intermediate       save the intermediate CA as well\n"
	"  --stdout                  print the certificate as PEM, save nothing\n"
	"  --public-bundle FILE      the public CAs, which are never saved (default: the system's)\n"
	"\n"
	HELP_CONNECT
	"  --json                    print the result as JSON\n"
	"  --help\n"
	"\n"
	"exit status: 0 saved, or trusted already; 1 not confirmed, or refused; 2 wrong usage;\n"
	"3 no connection. With several TARGETs, the highest status.\n";
/* clang-format on */

const struct command fetch_command = {
	.name = "fetch",
	.arguments = "[OPTION...] TARGET...",
	.summary = "fetches a CA from a server, and saves it after confirmation",
	.help = help,
	.options = OPTIONS_CONNECT | OPTION_DIR | OPTION_FINGERPRINT | OPTION_PUBLIC_BUNDLE |
		   OPTION_STDOUT | OPTION_JSON | OPTION_SCOPE | OPTION_PIN |
		   OPTION_WITH_INTERMEDIATE,
	.example = "catrust fetch git.corp.example",
	.changes_files = true,
	.least_args = 1,
	.most_args = TARGETS_MAX,
	.run = run,
};
