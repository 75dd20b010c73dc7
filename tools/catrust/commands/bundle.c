/* SPDX-License-Identifier: Apache-2.0 */
#include "base/output.h"
#include "base/show.h"
#include "certs/chain.h"
#include "certs/readcerts.h"
#include "cli/command.h"
#include "store/problems.h"
#include "store/system.h"
#include "store/trusted.h"
#include "store/truststore.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum format { FORMAT_PEM, FORMAT_PKCS12, FORMAT_JKS };

static enum format format_of(const struct options *options)
{
	if (options->format == NULL || strcmp(options->format, "pem") == 0)
		return FORMAT_PEM;
	return strcmp(options->format, "jks") == 0 ? FORMAT_JKS : FORMAT_PKCS12;
}

/* Each certificate once. */
static int add_once(STACK_OF(X509) * certs, X509 *cert)
{
	if (chain_contains(certs, cert))
		return 0;
	return X509_add_cert(certs, cert, X509_ADD_FLAG_UP_REF) == 1 ? 0 : -1;
}

/* Returns 0, or -1 and *why. Parts of the file that are not certificates are reported. */
static int add_public(STACK_OF(X509) * certs, const char *path, struct reason *why)
{
	char shown[SHOW_MAX];
	struct readcerts r;
	int result = 0;

	if (path == NULL)
		path = system_bundle();
	if (path == NULL) {
		reason_set(why,
			   "this system's bundle of public CAs is not in any of the usual places: "
			   "name it with --public-bundle FILE, or leave it out with --no-public");
		return -1;
	}
	if (readcerts_any(path, &r, why) != 0)
		return -1;
	show_text(path, shown);
	if (sk_X509_num(r.certs) == 0) {
		reason_set(why, "%s: no certificate in it%s%s", shown, r.problems > 0 ? ": " : "",
			   r.problems > 0 ? r.problem.text : "");
		result = -1;
	} else if (r.problems > 0) {
		show_error("%s: %s", shown, r.problem.text);
	}
	for (int i = 0; i < sk_X509_num(r.certs) && result == 0; i++)
		result = add_once(certs, sk_X509_value(r.certs, i));
	if (result != 0 && why->text[0] == '\0')
		reason_set(why, "out of memory");
	readcerts_clear(&r);
	return result;
}

/* Returns how many are left out because a bundle has no scopes, or -1 and *why. */
static int add_trusted(STACK_OF(X509) * certs, const char *dir, struct reason *why)
{
	struct trustdir_sources sources = trusted_sources(dir);
	struct trusted t;
	int scoped = 0, result = 0;

	if (trusted_read(&sources, &t) != 0) {
		reason_set(why, "out of memory");
		return -1;
	}
	problems_show(&t);
	for (size_t i = 0; i < t.anchors->count && result == 0; i++) {
		if (t.cert[i] == NULL)
			continue;
		if (t.anchors->anchor[i].scopes != NULL)
			scoped++;
		else
			result = add_once(certs, t.cert[i]);
	}
	trusted_clear(&t);
	if (result != 0)
		reason_set(why, "out of memory");
	return result == 0 ? scoped : -1;
}

static STACK_OF(X509) * gather(const struct options *options, struct reason *why)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	int scoped;

	if (certs == NULL) {
		reason_set(why, "out of memory");
		return NULL;
	}
	if (!options->no_public && add_public(certs, options->public_bundle, why) != 0)
		goto failed;
	scoped = add_trusted(certs, options->dir, why);
	if (scoped < 0)
		goto failed;
	if (scoped > 0)
		show_error("left out: %d certificate%s that may vouch only for some names, which a "
			   "bundle can't express (catrust list shows them)",
			   scoped, scoped == 1 ? "" : "s");
	if (sk_X509_num(certs) > 0)
		return certs;
	reason_set(why, "there is no certificate to bundle: nothing is written");
failed:
	sk_X509_pop_free(certs, X509_free);
	return NULL;
}

static int render(const STACK_OF(X509) * certs, const struct options *options, BIO *to,
		  struct reason *why)
{
	const char *password = options->password == NULL ? "changeit" : options->password;
	int result = 0;

	switch (format_of(options)) {
	case FORMAT_PEM:
		for (int i = 0; i < sk_X509_num(certs) && result == 0; i++)
			result = PEM_write_bio_X509(to, sk_X509_value(certs, i)) == 1 ? 0 : -1;
		break;
	case FORMAT_PKCS12:
		result = truststore_pkcs12(certs, password, to);
		break;
	case FORMAT_JKS:
		return truststore_jks(certs, password, to, why);
	}
	if (result != 0)
		reason_set(why, "out of memory");
	return result;
}

static int write_out(const struct options *options, BIO *from, struct reason *why)
{
	bool binary = format_of(options) != FORMAT_PEM;
	char *data = NULL;
	long len = BIO_get_mem_data(from, &data);

	if (options->output != NULL && strcmp(options->output, "-") != 0)
		return output_file(options->output, data, (size_t)len, binary, why);
	/* main() reports an error of writing. */
	fwrite(data, 1, (size_t)len, stdout);
	return 0;
}

/* What is wrong with the options together, or NULL. */
static const char *check(const struct options *options)
{
	bool binary = format_of(options) != FORMAT_PEM;
	bool to_stdout = options->output == NULL || strcmp(options->output, "-") == 0;

	if (options->no_public && options->public_bundle != NULL)
		return "--no-public and --public-bundle contradict each other";
	if (options->password != NULL && !binary)
		return "--password is for the formats pkcs12 and jks";
	if (binary && to_stdout && isatty(STDOUT_FILENO))
		return "a terminal can't show this format: name a file with --output FILE";
	return NULL;
}

static enum status run(const struct options *options)
{
	const char *wrong = check(options);
	STACK_OF(X509) *certs = NULL;
	BIO *rendered = NULL;
	struct reason why = {""};
	enum status status = STATUS_NO;

	if (wrong != NULL) {
		show_error("bundle: %s", wrong);
		return STATUS_USAGE;
	}
	certs = gather(options, &why);
	if (certs == NULL)
		goto out;
	rendered = BIO_new(BIO_s_mem());
	if (rendered == NULL)
		reason_set(&why, "out of memory");
	else if (render(certs, options, rendered, &why) == 0 &&
		 write_out(options, rendered, &why) == 0)
		status = STATUS_DONE;
out:
	if (status != STATUS_DONE)
		show_error("%s", why.text);
	BIO_free(rendered);
	sk_X509_pop_free(certs, X509_free);
	return status;
}

/* clang-format off */
static const char help[] =
	"Writes the public CAs of this system and the CAs in the trust directories to one file, for\n"
	"programs that accept only a file. CAs that are trusted only for some names are left out.\n"
	"\n"
	"options:\n"
	"  --format FORMAT       pem (the default), or a Java trust store: pkcs12, jks\n"
	"  -o, --output FILE     write to FILE instead of standard output, whole or not at all\n"
	"  --public-bundle FILE  the public CAs (default: the system's)\n"
	"  --no-public           leave the public CAs out\n"
	"  --password PASSWORD   of a Java trust store (default: changeit)\n"
	"  --dir DIR             the trust directory, instead of CATRUST_DIR and the defaults\n"
	"  --help\n";
/* clang-format on */

const struct command bundle_command = {
	.name = "bundle",
	.arguments = "[OPTION...]",
	.summary = "writes the public CAs and the trusted ones to one file",
	.help = help,
	.options = OPTION_FORMAT | OPTION_OUTPUT | OPTION_PUBLIC_BUNDLE | OPTION_NO_PUBLIC |
		   OPTION_PASSWORD | OPTION_DIR,
	.least_args = 0,
	.most_args = 0,
	.run = run,
};
