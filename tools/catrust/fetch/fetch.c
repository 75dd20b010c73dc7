/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/fetch.h"

#include "base/show.h"

#include <stdarg.h>
#include <stdio.h>

void fetch_init(struct fetch *f, const struct session *session, const struct target *target)
{
	const struct options *options = session->options;

	*f = (struct fetch){.session = session, .target = *target};
	if (options->starttls_given)
		f->target.starttls = options->starttls;
	f->name = f->target;
	if (options->servername != NULL)
		target_parse_name(options->servername, &f->name); /* options_parse() checked it */
	target_text(&f->target, f->where);
}

void fetch_clear(struct fetch *f)
{
	chain_clear(&f->chain);
	peer_clear(&f->peer);
	sk_X509_pop_free(f->fetched, X509_free);
	f->fetched = NULL;
	plan_clear(&f->plan);
	trusted_clear(&f->trusted);
}

void fetch_fail(struct fetch *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(f->error.text, sizeof(f->error.text), format, args);
	va_end(args);
	show_error("%s: %s", f->where, f->error.text);
}
