/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include "base/show.h"
#include "net/target.h"
#include "store/scopedir.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELP = 'h', FIRST_LONG = 256 };

static const struct {
	const char *name;
	int has_arg;
	unsigned bit;
} known[] = {
	{"aia-local", no_argument, OPTION_AIA_LOCAL},
	{"all", no_argument, OPTION_ALL},
	{"ca-bundle", required_argument, OPTION_CA_BUNDLE},
	{"check", no_argument, OPTION_CHECK},
	{"cert", required_argument, OPTION_CERT},
	{"dir", required_argument, OPTION_DIR},
	{"env", no_argument, OPTION_ENV},
	{"fingerprint", required_argument, OPTION_FINGERPRINT},
	{"format", required_argument, OPTION_FORMAT},
	{"json", no_argument, OPTION_JSON},
	{"key", required_argument, OPTION_KEY},
	{"no-aia", no_argument, OPTION_NO_AIA},
	{"no-public", no_argument, OPTION_NO_PUBLIC},
	{"only", no_argument, OPTION_ONLY},
	{"output", required_argument, OPTION_OUTPUT},
	{"password", required_argument, OPTION_PASSWORD},
	{"pin", no_argument, OPTION_PIN},
	{"proxy", required_argument, OPTION_PROXY},
	{"public-bundle", required_argument, OPTION_PUBLIC_BUNDLE},
	{"python", required_argument, OPTION_PYTHON},
	{"scope", required_argument, OPTION_SCOPE},
	{"servername", required_argument, OPTION_SERVERNAME},
	{"starttls", required_argument, OPTION_STARTTLS},
	{"stdout", no_argument, OPTION_STDOUT},
	{"syntax", required_argument, OPTION_SYNTAX},
	{"system", no_argument, OPTION_SYSTEM},
	{"timeout", required_argument, OPTION_TIMEOUT},
	{"within", required_argument, OPTION_WITHIN},
	{"with-intermediate", no_argument, OPTION_WITH_INTERMEDIATE},
};

enum { KNOWN = sizeof(known) / sizeof(*known) };

static int parse_timeout(const char *text, int *ret)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end != '\0' || !isfinite(seconds) || seconds < 0.1 || seconds > 3600)
		return -1;
	*ret = (int)(seconds * 1000);
	return 0;
}

static int parse_days(const char *text, int *ret)
{
	size_t len = strlen(text);

	if (len == 0 || len > 5 || strspn(text, "0123456789") != len ||
	    strtol(text, NULL, 10) > OPTIONS_MAX_DAYS)
		return -1;
	*ret = (int)strtol(text, NULL, 10);
	return 0;
}

/* Options without an argument. Returns NULL if bit is not one of them. */
static bool *find_flag(struct options *o, unsigned bit)
{
	switch (bit) {
	case OPTION_AIA_LOCAL:
		return &o->aia_local;
	case OPTION_ALL:
		return &o->all;
	case OPTION_CHECK:
		return &o->check;
	case OPTION_ENV:
		return &o->env;
	case OPTION_JSON:
		return &o->json;
	case OPTION_NO_AIA:
		return &o->no_aia;
	case OPTION_NO_PUBLIC:
		return &o->no_public;
	case OPTION_ONLY:
		return &o->only;
	case OPTION_PIN:
		return &o->pin;
	case OPTION_STDOUT:
		return &o->to_stdout;
	case OPTION_SYSTEM:
		return &o->system;
	case OPTION_WITH_INTERMEDIATE:
		return &o->with_intermediate;
	default:
		return NULL;
	}
}

/* Options whose argument is kept as it is. */
static const char **find_text(struct options *o, unsigned bit)
{
	switch (bit) {
	case OPTION_CA_BUNDLE:
		return &o->ca_bundle;
	case OPTION_CERT:
		return &o->cert;
	case OPTION_DIR:
		return &o->dir;
	case OPTION_FORMAT:
		return &o->format;
	case OPTION_KEY:
		return &o->key;
	case OPTION_OUTPUT:
		return &o->output;
	case OPTION_PASSWORD:
		return &o->password;
	case OPTION_PROXY:
		return &o->proxy;
	case OPTION_PUBLIC_BUNDLE:
		return &o->public_bundle;
	case OPTION_PYTHON:
		return &o->python;
	case OPTION_SERVERNAME:
		return &o->servername;
	case OPTION_SYNTAX:
		return &o->syntax;
	default:
		return NULL;
	}
}

static bool is_format(const char *text)
{
	return strcmp(text, "pem") == 0 || strcmp(text, "pkcs12") == 0 || strcmp(text, "jks") == 0;
}

/* What is wrong with an argument, or NULL. */
static const char *check(struct options *o, unsigned bit, const char *text)
{
	char scope[SCOPEDIR_NAME];
	struct target name;

	switch (bit) {
	case OPTION_DIR:
		if (text[0] == '\0')
			return "the name is empty";
		return strchr(text, ':') == NULL
			       ? NULL
			       : "a trust directory can't have a colon in its name";
	case OPTION_FINGERPRINT:
		if (o->fingerprints.count == FINGERPRINTS_MAX)
			return "there are too many of them";
		return fingerprint_parse(text, &o->fingerprints.item[o->fingerprints.count++]);
	case OPTION_FORMAT:
		return is_format(text) ? NULL : "it must be pem, pkcs12 or jks";
	case OPTION_SCOPE:
		if (o->scope_count == SCOPES_MAX)
			return "there are too many of them";
		o->scope[o->scope_count++] = text;
		return scopedir_parse(text, scope);
	case OPTION_SERVERNAME:
		return target_parse_name(text, &name);
	case OPTION_STARTTLS:
		o->starttls_given = true;
		return starttls_by_name(text, &o->starttls)
			       ? NULL
			       : "it must be smtp, lmtp, imap, pop3, ftp, ldap, xmpp, xmpp-server, "
				 "irc, nntp, sieve, postgres, mysql or none";
	case OPTION_TIMEOUT:
		return parse_timeout(text, &o->timeout_ms) == 0
			       ? NULL
			       : "it must be a number of seconds from 0.1 to 3600";
	case OPTION_WITHIN:
		return parse_days(text, &o->within_days) == 0
			       ? NULL
			       : "it must be a number of days, at most 36500";
	default:
		return NULL;
	}
}

/* What is wrong with the argument of an option, and what may be meant. */
static void why_argument(struct reason *why, unsigned bit, const char *text, const char *wrong)
{
	char shown[SHOW_MAX], meant[SCOPEDIR_NAME] = "";
	bool is_near = bit == OPTION_SCOPE && scopedir_meant(text, meant);

	for (size_t i = 0; i < KNOWN; i++)
		if (known[i].bit == bit)
			reason_set(why, "--%s %s: %s%s%s%s", known[i].name, show_text(text, shown),
				   wrong, is_near ? " (did you mean " : "", meant,
				   is_near ? "?)" : "");
}

/* One option; text is its argument, or NULL. */
static int take(struct options *o, unsigned bit, const char *text, struct reason *why)
{
	bool *flag = find_flag(o, bit);
	const char **place = find_text(o, bit), *wrong;

	if (flag != NULL) {
		*flag = true;
		return 0;
	}
	if (place != NULL)
		*place = text;
	wrong = check(o, bit, text);
	if (wrong == NULL)
		return 0;
	why_argument(why, bit, text, wrong);
	return -1;
}

const char *options_scopes(const struct options *o, struct scopes *ret)
{
	ret->count = 0;
	for (size_t i = 0; i < o->scope_count; i++) {
		char name[SCOPEDIR_NAME];
		const char *wrong = scopedir_parse(o->scope[i], name);

		if (wrong != NULL)
			return wrong;
		if (scopes_add(ret, name) != 0)
			return "--scope is given too often";
	}
	return NULL;
}

/*
 * The option names that an abbreviated long option, perhaps with an argument, may stand for.
 * Returns how many.
 */
static size_t find_names(const struct option *table, const char *word, char *buf, size_t size)
{
	size_t len = strcspn(word, "="), count = 0, at = 0;

	buf[0] = '\0';
	for (; table->name != NULL; table++) {
		if (strncmp(table->name, word, len) != 0)
			continue;
		if (at < size)
			at += (size_t)snprintf(buf + at, size - at, "%s--%s", count > 0 ? ", " : "",
					       table->name);
		count++;
	}
	return count;
}

/* The option that getopt_long() refused: argv[optind - 1], or one letter of it. */
static void why_option(struct reason *why, const struct option *table, const char *word)
{
	char shown[SHOW_MAX], names[SHOW_MAX];
	char letter[3] = {'-', (char)optopt, '\0'};

	/* If a letter in a group is wrong, getopt_long() has not moved past the group yet. */
	if (optopt > 0 && optopt < FIRST_LONG)
		reason_set(why, "there is no option %s here", show_text(letter, shown));
	else if (optopt >= FIRST_LONG)
		reason_set(why, "%s: that option takes no argument", show_text(word, shown));
	else if (strncmp(word, "--", 2) == 0 &&
		 find_names(table, word + 2, names, sizeof(names)) > 1)
		reason_set(why, "%s may be any of %s", show_text(word, shown), names);
	else
		reason_set(why, "there is no option %s here", show_text(word, shown));
}

int options_parse(unsigned allowed, int argc, char **argv, struct options *ret, struct reason *why)
{
	struct option table[KNOWN + 2] = {{"help", no_argument, NULL, HELP}};
	struct options o = {.timeout_ms = OPTIONS_DEFAULT_TIMEOUT_MS,
			    .within_days = OPTIONS_NO_DAYS};
	char shown[SHOW_MAX];
	size_t rows = 1;
	int c;

	for (int i = 0; i < KNOWN; i++)
		if ((allowed & known[i].bit) != 0)
			table[rows++] = (struct option){known[i].name, known[i].has_arg, NULL,
							FIRST_LONG + i};
	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, (allowed & OPTION_OUTPUT) != 0 ? ":ho:" : ":h", table,
				NULL)) != -1) {
		if (c == HELP) {
			o.help = true;
		} else if (c == 'o') {
			o.output = optarg;
		} else if (c == ':') {
			reason_set(why, "%s needs an argument", show_text(argv[optind - 1], shown));
			return -1;
		} else if (c < FIRST_LONG) {
			why_option(why, table, argv[optind - 1]);
			return -1;
		} else if (take(&o, known[c - FIRST_LONG].bit, optarg, why) != 0) {
			return -1;
		}
	}
	o.args = argv + optind;
	o.arg_count = argc - optind;
	o.after_dashes = strcmp(argv[optind - 1], "--") == 0;
	*ret = o;
	return 0;
}
