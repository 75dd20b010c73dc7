/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_OFFER_H
#define CATRUST_OFFER_H

#include "candidate.h"
#include "command.h"
#include "scopes.h"
#include "trusted.h"
#include "why.h"

#include <openssl/x509.h>
#include <stdbool.h>

/* A certificate on its way to the trust directory. */
struct offer {
	X509 *cert;
	const STACK_OF(X509) * below; /* CAs that it issued, and that go with it; NULL: none */
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
	struct why *error;
	struct findings *findings;
	char *path; /* PATH_MAX: the file that holds cert */
};

enum offer_verdict {
	OFFER_GO_ON,
	OFFER_TRUSTED, /* already; said so */
	OFFER_REFUSED, /* said why */
};

/* Shows the certificate and what speaks against it, as far as it tells by itself. */
enum offer_verdict offer_examine(const struct offer *offer);

/* Gets it confirmed, by --fingerprint or at the terminal, and saves it with those below it. */
enum status offer_save(const struct offer *offer);

/* Saves those below one that is trusted already. */
enum status offer_save_below(const struct offer *offer);

#endif
