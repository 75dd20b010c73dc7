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
	const STACK_OF(X509) * below; /* checked CAs that it issued, saved with it; NULL: none */
	bool shown;		      /* all of it, in a chain: now the name is enough */
	bool pin;		      /* it is a server's own certificate */
	const char *because;	      /* why this one: the end of a sentence for the user */
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
	IMPORT_TRUSTED, /* it is trusted already */
	IMPORT_PUBLIC,	/* it is publicly trusted already */
	IMPORT_REFUSED, /* it is not fit as a trust anchor */
};

struct import_facts {
	enum import_check check;
	const char *file; /* IMPORT_TRUSTED: which has it; lives as long as import->trusted */
	const char *why;  /* IMPORT_PUBLIC, IMPORT_REFUSED: for the user */
	struct findings findings;
};

/* Judges the certificate itself. Returns 0 and *ret, or -1: out of memory. */
int import_check(const struct import *import, struct import_facts *ret);

/* Shows the certificate, and the findings of import_check(). */
enum import_check import_examine(const struct import *import);

/* Has it confirmed, by --fingerprint or at the terminal, and saves it with those below it. */
enum status import_save(const struct import *import);

/* Saves those below a CA that is trusted already. */
enum status import_save_below(const struct import *import);

#endif
