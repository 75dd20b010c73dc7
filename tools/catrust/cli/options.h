/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_OPTIONS_H
#define CATRUST_OPTIONS_H

#include "base/reason.h"
#include "certs/fingerprint.h"
#include "net/starttls/starttls.h"
#include "store/scopes.h"

#include <stdbool.h>

/* Which options a command has besides --help. */
enum options_allowed {
	OPTION_DIR = 1 << 0,
	OPTION_FINGERPRINT = 1 << 1,
	OPTION_PUBLIC_BUNDLE = 1 << 2,
	OPTION_SERVERNAME = 1 << 3,
	OPTION_STDOUT = 1 << 4,
	OPTION_TIMEOUT = 1 << 5,
	OPTION_STARTTLS = 1 << 6,
	OPTION_PROXY = 1 << 7,
	OPTION_CERT = 1 << 8,
	OPTION_KEY = 1 << 9,
	OPTION_NO_AIA = 1 << 10,
	OPTION_AIA_LOCAL = 1 << 11,
	OPTION_JSON = 1 << 12,
	OPTION_SCOPE = 1 << 13,
	OPTION_PIN = 1 << 14,
	OPTION_WITH_INTERMEDIATE = 1 << 15,
	OPTION_CA_BUNDLE = 1 << 16,
	OPTION_PYTHON = 1 << 17,
	OPTION_FORMAT = 1 << 18,
	OPTION_OUTPUT = 1 << 19,
	OPTION_NO_PUBLIC = 1 << 20,
	OPTION_PASSWORD = 1 << 21,
	OPTION_ONLY = 1 << 22,
	OPTION_SYNTAX = 1 << 23,
	OPTION_CHECK = 1 << 24,
	OPTION_WITHIN = 1 << 25,
	OPTION_ALL = 1 << 26,
	OPTION_SYSTEM = 1 << 27,
	OPTION_ENV = 1 << 28,

	/* How a server is reached: of fetch and doctor. */
	OPTIONS_CONNECT = OPTION_SERVERNAME | OPTION_TIMEOUT | OPTION_STARTTLS | OPTION_PROXY |
			  OPTION_CERT | OPTION_KEY | OPTION_NO_AIA | OPTION_AIA_LOCAL,
};

enum { OPTIONS_DEFAULT_TIMEOUT_MS = 10 * 1000, OPTIONS_NO_DAYS = -1, OPTIONS_MAX_DAYS = 36500 };

struct options {
	bool help;
	bool to_stdout;
	bool json;
	bool no_aia;
	bool no_public;
	bool aia_local;
	bool pin;
	bool with_intermediate;
	bool only;
	bool check;
	bool all;
	bool system;
	bool env;
	bool starttls_given; /* then starttls counts, whatever the target says */
	enum starttls_protocol starttls;
	const char *dir;
	const char *public_bundle;
	const char *servername;
	const char *proxy;
	const char *cert, *key;
	const char *scope[SCOPES_MAX]; /* as scopedir_parse() takes them */
	size_t scope_count;
	const char *ca_bundle;
	const char *python;
	const char *format;
	const char *output;
	const char *syntax;
	const char *password;
	int timeout_ms;
	int within_days; /* OPTIONS_NO_DAYS: not given */
	struct fingerprints fingerprints;
	char **args; /* what is left: targets, files */
	int arg_count;
	bool after_dashes; /* args stand behind -- */
};

/* Those of --scope. NULL and *ret, or what is wrong. */
const char *options_scopes(const struct options *options, struct scopes *ret);

/* argv[0] is the command's name. Returns 0 and *ret, or -1 and *why. */
int options_parse(unsigned allowed, int argc, char **argv, struct options *ret, struct reason *why);

#endif
