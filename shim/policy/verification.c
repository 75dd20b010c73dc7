/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/verification.h"

#include "openssl/public.h"
#include "policy/current.h"
#include "policy/hint.h"
#include "policy/lend.h"
#include "process/config.h"

#include "openssl/openssl_calls.h"

/*
 * Does the connection have TLSA records (RFC 6698)? They say themselves what is trusted. The
 * records are word 1 of an SSL_DANE, in 1.1.0 to 4.0 (include/internal/dane.h); no function returns
 * them.
 */
static bool has_tlsa_records(const struct verification *v)
{
	const struct crypto *c = v->crypto;
	const struct ssl *s = v->ssl;
	const void *const *dane = (const void *)SSL_get0_dane(v->connection);

	return dane != NULL && certs_count(c, dane[1]) > 0;
}

static void decide(struct verification *v)
{
	const struct policy_settings settings = {
		.relax = config_is(SET_RELAX),
		.is_meant = config_is(SET_PUBLIC_ONLY) ? public_bundle : NULL,
	};
	struct candidates found;
	bool wanted = candidates_find(&found, v->crypto, trust_enter(v->crypto), v->ctx);

	trust_leave();
	v->loan = lend_begin(&found, wanted, &settings);
}

struct verification verify_begin(struct crypto *c, X509_STORE_CTX *ctx)
{
	struct verification v = {.crypto = c, .ctx = ctx};
	struct binding_scope scope;
	struct ssl *s;

	/*
	 * If the context already has a chain, OpenSSL refuses: it was verified before, or a
	 * callback verifies again.
	 */
	if (ctx == NULL || X509_STORE_CTX_get0_chain(ctx) != NULL)
		return v;
	s = binding_ssl_of(c, ctx, &v.connection);
	if (s == NULL || SSL_is_server(v.connection))
		return v;
	v.ssl = s;
	scope = binding_work_begin(c);
	if (lend_is_possible(c, ctx) && !has_tlsa_records(&v))
		decide(&v);
	else
		hint_passed(&v);
	binding_work_end(c, scope);
	return v;
}

void verify_end(struct verification *v, int ret)
{
	struct binding_scope scope;
	int depth;

	if (v->ssl == NULL)
		return;
	scope = binding_work_begin(v->crypto);
	if (v->loan != NULL) {
		if (ret == 1)
			hint_used(v, lend_anchor(v->loan, v->ctx, &depth));
		lend_end(v->loan, v->ctx);
	}
	if (ret != 1)
		hint_failed(v);
	binding_work_end(v->crypto, scope);
}
