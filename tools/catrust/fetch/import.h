/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_IMPORT_H
#define CATRUST_IMPORT_H

#include "base/reason.h"
#include "certs/candidate.h"
#include "cli/command.h"
#include "store/scopes.h"
#include "store/trusted.h"

#include <openssl/x509.h>
#include <stdbool.h>

/* A certificate on its way to the trust directory. */
struct import {
	X509 *cert;
	const STACK_OF(X509) * below; /* CAs that it issued, checked, that go with it; NULL: none */
	bool shown;		      /* all of it, as part of a chain: its name will do */
	bool pin;		      /* it is a server's own certificate */
	const char *because;	      /* why this one, for the user: ends a sentence */
	const char *source; /* where it comes from, for the comment in the file; printable */
	const struct scopes *scopes; /* NULL or none: every name */
	const struct options *options;
	const struct trustdir_sources *sources;
	const struct trusted *trusted;
	const STACK_OF(X509) * public_cas;

	/* for a report; each may be NULL */
	struct reason *error;
	struct findings *findings;
	char *path; /* PATH_MAX: the file that holds cert */
};

enum import_check {
	IMPORT_GO_ON,
	IMPORT_TRUSTED, /* already */
	IMPORT_PUBLIC,	/* publicly, already */
	IMPORT_REFUSED, /* it is no good as a trust anchor */
};

struct import_facts {
	enum import_check check;
	const char *file; /* IMPORT_TRUSTED: which has it; lives as long as import->trusted */
	const char *why;  /* IMPORT_PUBLIC, IMPORT_REFUSED: for the user */
	struct findings findings;
};

/* What speaks against the certificate by itself. Returns 0 and *ret, or -1: out of memory. */
int import_check(const struct import *import, struct import_facts *ret);

/* Shows the certificate, and what import_check() finds. */
enum import_check import_examine(const struct import *import);

/* Gets it confirmed, by --fingerprint or at the terminal, and saves it with those below it. */
enum status import_save(const struct import *import);

/* Saves those below one that is trusted already. */
enum status import_save_below(const struct import *import);

#endif
