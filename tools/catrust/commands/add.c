/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "certs/chain.h"
#include "certs/readcerts.h"
#include "cli/command.h"
#include "fetch/import.h"
#include "store/system.h"
#include "store/trusted.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Data that is the same for all files. */
struct adding {
	const struct options *options;
	struct trustdir_sources sources;
	struct scopes scopes;
	STACK_OF(X509) * public_cas;
};

static enum status add_certificate(X509 *cert, const char *path, const struct adding *adding)
{
	struct trusted trusted;
	char source[SHOW_MAX + sizeof("file ")], shown[SHOW_MAX];
	enum status status = STATUS_NO;
	struct import import = {
		.cert = cert,
		.because = chain_is_root(cert) ? "a root CA"
					       : "not a root, but below another CA: certificates "
						 "from other CAs below that one stay untrusted",
		.source = source,
		.options = adding->options,
		.sources = &adding->sources,
		.scopes = &adding->scopes,
		.trusted = &trusted,
		.public_cas = adding->public_cas,
	};

	snprintf(source, sizeof(source), "file %s",
		 strcmp(path, "-") == 0 ? "(standard input)" : show_text(path, shown));
	if (trusted_read(&adding->sources, &trusted) != 0) {
		show_error("out of memory");
		return STATUS_NO;
	}
	switch (import_examine(&import)) {
	case IMPORT_TRUSTED:
		status = STATUS_DONE;
		break;
	case IMPORT_PUBLIC:
	case IMPORT_REFUSED:
		break;
	case IMPORT_GO_ON:
		status = import_save(&import);
		break;
	}
	trusted_clear(&trusted);
	return status;
}

/* With --fingerprint, only the certificates that it names are added. */
static enum status add_file(const char *path, const struct adding *adding)
{
	const struct options *options = adding->options;
	bool choosy = options->fingerprints.count > 0;
	enum status worst = STATUS_DONE;
	char shown[SHOW_MAX];
	struct readcerts r;
	struct reason why = {""};
	int tried = 0;

	if (readcerts_any(path, &r, &why) != 0) {
		show_error("%s", why.text);
		return STATUS_NO;
	}
	show_text(path, shown);
	if (r.problems > 0)
		show_error("%s: %s", shown, r.problem.text);
	for (int i = 0; i < sk_X509_num(r.certs); i++) {
		X509 *cert = sk_X509_value(r.certs, i);
		enum status status;

		if (choosy && !fingerprints_have(&options->fingerprints, cert))
			continue;
		tried++;
		status = add_certificate(cert, path, adding);
		if (status > worst)
			worst = status;
	}
	if (tried == 0) {
		show_error("%s: %s: nothing is saved", shown,
			   choosy ? "no certificate has the fingerprint that --fingerprint gave"
				  : "no certificate to add");
		worst = STATUS_NO;
	}
	readcerts_clear(&r);
	return worst;
}

static enum status run(const struct options *options)
{
	struct adding adding = {.options = options, .sources = trusted_sources(options->dir)};
	const char *wrong = options_scopes(options, &adding.scopes);
	enum status worst = STATUS_DONE;
	struct reason why = {""};

	if (wrong != NULL) {
		show_error("%s", wrong);
		return STATUS_USAGE;
	}
	adding.public_cas = system_public_cas(options->public_bundle, &why);
	if (adding.public_cas == NULL) {
		show_error("%s", why.text);
		return STATUS_USAGE;
	}
	if (sk_X509_num(adding.public_cas) == 0)
		show_line(SHOW_WARNING, "%s", system_no_public_cas);
	for (int i = 0; i < options->arg_count; i++) {
		enum status status = add_file(options->args[i], &adding);

		if (status > worst)
			worst = status;
	}
	sk_X509_pop_free(adding.public_cas, X509_free);
	return worst;
}

/* clang-format off */
static const char help[] =
	"Saves the CA certificates in FILE in the trust directory. You must confirm each of them:\n"
	"at the terminal, or with --fingerprint. FILE is PEM, DER or PKCS#7; - is standard input.\n"
	"\n"
	"options:\n"
	"  --fingerprint sha256:HEX  add the certificate with this SHA-256 fingerprint, without\n"
	"                            asking (repeatable)\n"
	"  --dir DIR                 the trust directory, instead of CATRUST_DIR and the defaults\n"
	"  --scope DOMAIN|ADDRESS/BITS\n"
	"                            trust it only for DOMAIN and the names below it, or only for\n"
	"                            the addresses ADDRESS/BITS (repeatable)\n"
	"  --public-bundle FILE      the public CAs, which are never saved (default: the system's)\n"
	"  --help\n";
/* clang-format on */

const struct command add_command = {
	.name = "add",
	.arguments = "[OPTION...] FILE...",
	.summary = "adds CAs from files, after the same checks as fetch",
	.help = help,
	.options = OPTION_DIR | OPTION_FINGERPRINT | OPTION_PUBLIC_BUNDLE | OPTION_SCOPE,
	.example = "catrust add corp-root.pem",
	.changes_files = true,
	.least_args = 1,
	.most_args = 1000,
	.run = run,
};
