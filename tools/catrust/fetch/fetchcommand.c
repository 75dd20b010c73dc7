/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/fetchcommand.h"

#include <stdio.h>

static void add_option(struct quote *q, const char *name, const char *value)
{
	if (value == NULL)
		return;
	quote_plain(q, name);
	quote_word(q, value);
}

/* What fetch and doctor have in common. */
static void add_connection(struct quote *q, const struct options *o, const char *target)
{
	char seconds[32];

	add_option(q, "--dir", o->dir);
	add_option(q, "--public-bundle", o->public_bundle);
	add_option(q, "--starttls", o->starttls_given ? starttls_name(o->starttls) : NULL);
	add_option(q, "--proxy", o->proxy);
	add_option(q, "--servername", o->servername);
	add_option(q, "--cert", o->cert);
	add_option(q, "--key", o->key);
	if (o->timeout_ms != OPTIONS_DEFAULT_TIMEOUT_MS) {
		snprintf(seconds, sizeof(seconds), "%d.%03d", o->timeout_ms / 1000,
			 o->timeout_ms % 1000);
		add_option(q, "--timeout", seconds);
	}
	if (o->no_aia)
		quote_plain(q, "--no-aia");
	if (o->aia_local)
		quote_plain(q, "--aia-local");
	quote_word(q, target);
}

void fetchcommand_doctor(struct quote *q, const struct options *o, const char *target)
{
	quote_plain(q, "catrust doctor");
	add_connection(q, o, target);
}

void fetchcommand_write(struct quote *q, const struct options *o, const char *target,
			const struct scopes *scopes)
{
	char scope[SCOPEDIR_NAME];

	quote_plain(q, "catrust fetch");
	if (o->with_intermediate)
		quote_plain(q, "--with-intermediate");
	if (o->pin)
		quote_plain(q, "--pin");
	for (size_t i = 0; scopes != NULL && i < scopes->count; i++)
		add_option(q, "--scope", scopes_text(&scopes->item[i].scope, scope));
	add_connection(q, o, target);
}
