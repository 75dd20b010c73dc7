/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "certs/candidate.h"
#include "certs/certjson.h"
#include "certs/certnames.h"
#include "certs/certshow.h"
#include "certs/chain.h"
#include "certs/fingerprint.h"
#include "cli/command.h"
#include "commands/list_check.h"
#include "store/problems.h"
#include "store/scopes.h"
#include "store/trusted.h"
#include "store/unused.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

/* Widths of the columns of the table. A longer text moves the text after it. */
enum { DATE_WIDTH = 10, SCOPE_WIDTH = 32, SUBJECT_WIDTH = 56 };

struct key_id {
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len; /* 0: unknown */
};

struct list {
	struct trusted trusted;
	struct key_id *key; /* of each certificate */
	time_t now;
	struct json *json; /* NULL: a table */
};

typedef void tell_warning(const struct list *l, const char *code, const char *text);

static int read_list(const struct trustdir_sources *sources, struct list *ret)
{
	struct list l = {.now = time(NULL)};

	if (trusted_read(sources, &l.trusted) != 0)
		return -1;
	l.key = calloc(l.trusted.anchors->count + 1, sizeof(*l.key));
	if (l.key == NULL) {
		trusted_clear(&l.trusted);
		return -1;
	}
	for (size_t i = 0; i < l.trusted.anchors->count; i++)
		if (l.trusted.cert[i] == NULL ||
		    X509_pubkey_digest(l.trusted.cert[i], EVP_sha256(), l.key[i].digest,
				       &l.key[i].len) != 1)
			l.key[i].len = 0;
	*ret = l;
	return 0;
}

static void clear_list(struct list *l)
{
	trusted_clear(&l->trusted);
	free(l->key);
	l->key = NULL;
}

static bool same_key(const struct list *l, size_t a, size_t b)
{
	return a != b && l->key[a].len > 0 && l->key[a].len == l->key[b].len &&
	       memcmp(l->key[a].digest, l->key[b].digest, l->key[a].len) == 0;
}

/* One warning for all of a kind: text, and how many more there are of what it says. */
static void warn_once(const struct list *l, const char *code, const char *text, size_t count,
		      tell_warning *tell)
{
	char more[SHOW_MAX + 250];

	if (count == 0)
		return;
	snprintf(more, sizeof(more), "%s, and in %zu more", text, count - 1);
	tell(l, code, count == 1 ? text : more);
}

static bool same_directory(const char *a, const char *b)
{
	const char *slash_a = strrchr(a, '/'), *slash_b = strrchr(b, '/');

	return slash_a != NULL && slash_b != NULL && slash_a - a == slash_b - b &&
	       strncmp(a, b, (size_t)(slash_a - a)) == 0;
}

/* One file for each scope is normal; a second one for the same scope is not. */
static bool is_needed(const struct anchor *anchor, const struct anchor_copy *copy)
{
	if (anchor->scopes == NULL || same_directory(anchor->file, copy->file))
		return false;
	for (const struct anchor_copy *c = copy->next; c != NULL; c = c->next)
		if (same_directory(c->file, copy->file))
			return false;
	return true;
}

static void warn_of_copies(const struct list *l, size_t i, tell_warning *tell)
{
	const struct anchor *anchor = &l->trusted.anchors->anchor[i];
	char shown[SHOW_MAX], text[SHOW_MAX + 50] = "";
	size_t count = 0;

	for (const struct anchor_copy *c = anchor->copies; c != NULL; c = c->next)
		if (!is_needed(anchor, c) && count++ == 0)
			snprintf(text, sizeof(text), "it is also in %s", show_text(c->file, shown));
	warn_once(l, "duplicate", text, count, tell);
}

static void warn_of_same_key(const struct list *l, size_t i, tell_warning *tell)
{
	char shown[SHOW_MAX], text[SHOW_MAX + 100] = "", sha256[FINGERPRINT_TEXT];
	struct fingerprint f;
	size_t count = 0;

	for (size_t j = 0; j < l->trusted.anchors->count; j++) {
		if (!same_key(l, i, j) || fingerprint_of(l->trusted.cert[j], &f) != 0)
			continue;
		if (count++ == 0)
			snprintf(text, sizeof(text),
				 "its key is also that of another certificate: %.11s... in %s",
				 fingerprint_text(&f, sha256),
				 show_text(l->trusted.anchors->anchor[j].file, shown));
	}
	warn_once(l, "same-key", text, count, tell);
}

static bool is_in_scope(const struct scope_list *scopes, const struct name *name)
{
	for (; scopes != NULL; scopes = scopes->next)
		if (scope_has(&scopes->scope, 1, name))
			return true;
	return false;
}

/* Is it a server's own, self-signed certificate? Returns -1: out of memory. */
static int is_servers_own(X509 *cert, const struct scope_list *scopes)
{
	struct certnames names;
	bool found;

	if (!chain_is_root(cert))
		return 0;
	if (certnames_read(cert, &names) != 0)
		return -1;
	found = names.has_others;
	/* The name of a CA may look like a host, so only the name of its scope is used. */
	for (size_t i = 0; i < names.count && !found; i++)
		found = names.item[i].name.kind == NAME_COMMON &&
			is_in_scope(scopes, &names.item[i].name);
	certnames_clear(&names);
	return found;
}

static void warn(const struct list *l, size_t i, tell_warning *tell)
{
	X509 *cert = l->trusted.cert[i];
	int own = is_servers_own(cert, l->trusted.anchors->anchor[i].scopes);
	struct findings findings;

	if (own < 0 || candidate_check(cert, l->now, &findings) != 0) {
		show_error("out of memory");
		return;
	}
	for (size_t f = 0; f < findings.count; f++)
		/* Python 3.13 accepts more in a chain of one certificate than in a CA. */
		if (!own || strcmp(findings.item[f].code, "strict") != 0)
			tell(l, findings.item[f].code, findings.item[f].text);
	if (X509_check_ca(cert) != 1 && X509_self_signed(cert, 0) == 1)
		tell(l, "pin", "so it can vouch only for the server that has its key");
	warn_of_copies(l, i, tell);
	warn_of_same_key(l, i, tell);
}

static char *all_scopes(const struct scope_list *scopes, char buf[SHOW_MAX])
{
	size_t at = 0;

	snprintf(buf, SHOW_MAX, "every name");
	for (; scopes != NULL; scopes = scopes->next) {
		char one[SCOPEDIR_NAME];
		size_t need;

		scopes_text(&scopes->scope, one);
		need = strlen(one) + sizeof(", ...");
		if (at + need >= SHOW_MAX) {
			snprintf(buf + at, SHOW_MAX - at, ", ...");
			break;
		}
		at += (size_t)snprintf(buf + at, SHOW_MAX - at, "%s%s", at > 0 ? ", " : "", one);
	}
	return buf;
}

/*
 * The scope that the directory of file stands for; if that is not clear, all scopes of the anchor.
 */
static char *scope_of_file(const struct anchor *anchor, const char *file, char buf[SHOW_MAX])
{
	char dir[PATH_MAX], one[SCOPEDIR_NAME];
	struct scope scope;
	char *slash;

	snprintf(dir, sizeof(dir), "%s", file);
	slash = strrchr(dir, '/');
	if (slash != NULL)
		*slash = '\0';
	slash = strrchr(dir, '/');
	if (anchor->scopes == NULL || slash == NULL || scope_parse(slash + 1, &scope) != 0)
		return all_scopes(anchor->scopes, buf);
	snprintf(buf, SHOW_MAX, "%s", scopes_text(&scope, one));
	return buf;
}

/* How many columns of the terminal text takes. */
static int width(const char *text)
{
	wchar_t wide[SHOW_MAX];
	size_t len = mbstowcs(wide, text, SHOW_MAX);
	int columns = len < SHOW_MAX ? wcswidth(wide, len) : -1;

	return columns >= 0 ? columns : (int)strlen(text);
}

static void widen(int *column, const char *text, int most)
{
	int needed = width(text);

	if (needed > *column)
		*column = needed < most ? needed : most;
}

static void cell(const char *text, int column)
{
	int pad = column - width(text);

	printf("%s%*s  ", text, pad > 0 ? pad : 0, "");
}

static void table_warning(const struct list *l, const char *code, const char *text)
{
	(void)l;
	(void)code;
	printf("    warning  %s\n", text);
}

static void show_row(const struct list *l, size_t i, int scope_column, int subject_column)
{
	const struct anchor *anchor = &l->trusted.anchors->anchor[i];
	const X509 *cert = l->trusted.cert[i];
	char buf[SHOW_MAX], sha256[FINGERPRINT_TEXT];
	struct fingerprint f;

	cell(certshow_date(X509_get0_notAfter(cert), buf), DATE_WIDTH);
	cell(scope_of_file(anchor, anchor->file, buf), scope_column);
	cell(certshow_name(X509_get_subject_name(cert), buf), subject_column);
	puts(show_text(anchor->file, buf));
	for (const struct anchor_copy *c = anchor->copies; c != NULL; c = c->next) {
		if (!is_needed(anchor, c))
			continue; /* there is a warning */
		cell("", DATE_WIDTH);
		cell(scope_of_file(anchor, c->file, buf), scope_column);
		cell("", subject_column);
		puts(show_text(c->file, buf));
	}
	if (fingerprint_of(cert, &f) == 0)
		printf("    SHA-256  %s\n", fingerprint_text(&f, sha256));
	warn(l, i, table_warning);
}

static void show_table(const struct list *l, const struct trustdir_sources *sources)
{
	const struct anchors *anchors = l->trusted.anchors;
	int scope = width("SCOPE"), subject = width("SUBJECT");
	char buf[SHOW_MAX];
	bool head = false;

	for (size_t i = 0; i < anchors->count; i++) {
		if (l->trusted.cert[i] == NULL)
			continue;
		widen(&scope, scope_of_file(&anchors->anchor[i], anchors->anchor[i].file, buf),
		      SCOPE_WIDTH);
		for (const struct anchor_copy *c = anchors->anchor[i].copies; c != NULL;
		     c = c->next)
			widen(&scope, scope_of_file(&anchors->anchor[i], c->file, buf),
			      SCOPE_WIDTH);
		widen(&subject, certshow_name(X509_get_subject_name(l->trusted.cert[i]), buf),
		      SUBJECT_WIDTH);
	}
	for (size_t i = 0; i < anchors->count; i++) {
		if (l->trusted.cert[i] == NULL)
			continue;
		if (!head)
			printf("%-*s  %-*s  %-*s  FILE\n", DATE_WIDTH, "EXPIRES", scope, "SCOPE",
			       subject, "SUBJECT");
		head = true;
		show_row(l, i, scope, subject);
	}
	problems_show(&l->trusted);
	unused_show(sources);
	if (!head)
		show_line(SHOW_PLAIN,
			  "there are no CAs in the trust directories: programs trust only their "
			  "own. To add one: catrust fetch HOST");
}

static void json_warning(const struct list *l, const char *code, const char *text)
{
	json_open_object(l->json, NULL);
	json_string(l->json, "code", code);
	json_string(l->json, "text", text);
	json_close_object(l->json);
}

static void json_scopes(struct json *j, const struct scope_list *scopes)
{
	if (scopes == NULL) {
		json_string(j, "scopes", NULL);
		return;
	}
	json_open_array(j, "scopes");
	for (; scopes != NULL; scopes = scopes->next) {
		char one[SCOPEDIR_NAME];

		json_string(j, NULL, scopes_range(&scopes->scope, one));
	}
	json_close_array(j);
}

static void json_anchor(const struct list *l, size_t i)
{
	const struct anchor *anchor = &l->trusted.anchors->anchor[i];
	struct json *j = l->json;

	json_open_object(j, NULL);
	certjson_members(j, l->trusted.cert[i]);
	json_scopes(j, anchor->scopes);
	json_string(j, "file", anchor->file);
	json_open_array(j, "also_in");
	for (const struct anchor_copy *c = anchor->copies; c != NULL; c = c->next)
		json_string(j, NULL, c->file);
	json_close_array(j);
	json_open_array(j, "warnings");
	warn(l, i, json_warning);
	json_close_array(j);
	json_close_object(j);
}

static void json_problem(void *arg, const char *text)
{
	json_string(arg, NULL, text);
}

/* With check, also the failures; returns how many there are. */
static size_t show_json(struct list *l, bool check, int days)
{
	struct json j = {.to = stdout};
	size_t failures = 0;

	l->json = &j;
	json_open_object(&j, NULL);
	json_number(&j, "version", 1);
	json_open_array(&j, "certificates");
	for (size_t i = 0; i < l->trusted.anchors->count; i++)
		if (l->trusted.cert[i] != NULL)
			json_anchor(l, i);
	json_close_array(&j);
	json_open_array(&j, "skipped");
	problems_each(&l->trusted, json_problem, &j);
	json_close_array(&j);
	if (check)
		failures = list_check(&l->trusted, days, &j);
	json_close_object(&j);
	l->json = NULL;
	return failures;
}

static enum status run(const struct options *options)
{
	struct trustdir_sources sources = trusted_sources(options->dir);
	int days = options->within_days;
	size_t failures = 0;
	struct list l;

	if (days != OPTIONS_NO_DAYS && !options->check) {
		show_error("--within goes with --check");
		return STATUS_USAGE;
	}
	if (days == OPTIONS_NO_DAYS)
		days = LIST_CHECK_DAYS;
	if (read_list(&sources, &l) != 0) {
		show_error("out of memory");
		return STATUS_NO;
	}
	if (options->json)
		failures = show_json(&l, options->check, days);
	else if (options->check)
		failures = list_check(&l.trusted, days, NULL);
	else
		show_table(&l, &sources);
	clear_list(&l);
	return failures == 0 ? STATUS_DONE : STATUS_NO;
}

/* clang-format off */
static const char help[] =
	"Shows the certificates in the trust directories, with expiry, scope, subject, file, SHA-256\n"
	"and warnings. Files that can't be used are named on standard error.\n"
	"\n"
	"options:\n"
	"  --dir DIR      the trust directory, instead of CATRUST_DIR and the defaults\n"
	"  --check        for monitoring: print only what is wrong (a certificate that has expired or\n"
	"                 is not a CA, a file that is skipped, no certificate at all), one line for\n"
	"                 each; the exit status is 1 if anything is wrong\n"
	"  --within DAYS  with --check, also report certificates that expire within DAYS days (30)\n"
	"  --json         print JSON; see catrust(1)\n"
	"  --help\n";
/* clang-format on */

const struct command list_command = {
	.name = "list",
	.arguments = "[--dir DIR] [--json] [--check [--within DAYS]]",
	.summary = "shows what is trusted",
	.help = help,
	.options = OPTION_DIR | OPTION_JSON | OPTION_CHECK | OPTION_WITHIN,
	.least_args = 0,
	.most_args = 0,
	.run = run,
};
