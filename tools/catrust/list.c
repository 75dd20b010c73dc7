/* SPDX-License-Identifier: Apache-2.0 */
#include "candidate.h"
#include "command.h"
#include "fingerprint.h"
#include "show.h"
#include "trusted.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <time.h>

/* Returns whether there were any. */
static bool show_problems(const struct anchors *anchors)
{
	char shown[SHOW_MAX];
	bool any = false;

	for (size_t i = 0; i < anchors->problem_count; i++) {
		if (anchors->problem[i].level != TRUSTDIR_ERROR)
			continue;
		show_error("%s", show_text(anchors->problem[i].text, shown));
		any = true;
	}
	if (anchors->problems_lost > 0)
		show_error("%zu more problems", anchors->problems_lost);
	return any;
}

static void show_warnings(X509 *cert)
{
	struct findings findings;

	if (candidate_check(cert, time(NULL), &findings) != 0) {
		show_error("out of memory");
		return;
	}
	for (size_t i = 0; i < findings.count; i++)
		printf("    warning  %s\n", findings.item[i].text);
	if (X509_check_ca(cert) != 1 && X509_self_signed(cert, 0) == 1)
		printf("    warning  so it can vouch only for the server that has its key\n");
}

static void show_scopes(const struct scope_list *scopes)
{
	if (scopes == NULL)
		printf("    scope    every name\n");
	for (; scopes != NULL; scopes = scopes->next) {
		const struct scope *s = &scopes->scope;
		char address[INET6_ADDRSTRLEN] = "";
		int bits = 0;

		if (!s->is_address) {
			printf("    scope    %s\n", s->domain);
			continue;
		}
		for (size_t i = 0; i < s->address_len * 8; i++)
			bits += s->mask[i / 8] >> (7 - i % 8) & 1;
		inet_ntop(s->address_len == 4 ? AF_INET : AF_INET6, s->address, address,
			  sizeof(address));
		printf("    scope    %s/%d\n", address, bits);
	}
}

static void show_anchor(const struct anchor *anchor, X509 *cert)
{
	char buf[SHOW_MAX], sha256[FINGERPRINT_TEXT];
	struct fingerprint f;

	printf("%s\n", show_name(X509_get_subject_name(cert), buf));
	show_scopes(anchor->scopes);
	printf("    expires  %s\n", show_date(X509_get0_notAfter(cert), buf));
	if (fingerprint_of(cert, &f) == 0)
		printf("    SHA-256  %s\n", fingerprint_text(&f, sha256));
	printf("    file     %s\n", show_text(anchor->file, buf));
	show_warnings(cert);
}

static enum status run(const struct options *options)
{
	struct trustdir_sources sources = trusted_sources(options->dir);
	struct trusted t;
	char shown[SHOW_MAX];

	if (trusted_read(&sources, &t) != 0) {
		show_error("out of memory");
		return STATUS_NO;
	}
	for (size_t i = 0; i < t.anchors->count; i++) {
		const struct anchor *anchor = &t.anchors->anchor[i];

		if (t.cert[i] != NULL)
			show_anchor(anchor, t.cert[i]);
		else
			show_error("%s: line %zu: a certificate that OpenSSL does not understand",
				   show_text(anchor->file, shown), anchor->line);
	}
	if (!show_problems(t.anchors) && t.anchors->count == 0)
		show_line(SHOW_PLAIN, "nothing is trusted");
	trusted_clear(&t);
	return STATUS_DONE;
}

const struct command list_command = {
	.name = "list",
	.arguments = "[--dir DIR]",
	.summary = "shows what is trusted",
	.help = "Shows the certificates of the trust directories: subject, scope, expiry, SHA-256, "
		"file,\n"
		"and what to know about them. What can't be read is told on standard error.\n\n"
		"options:\n"
		"  --dir DIR  the trust directory, instead of CATRUST_DIR and the defaults\n"
		"  --help\n",
	.options = OPTION_DIR,
	.least_args = 0,
	.most_args = 0,
	.run = run,
};
