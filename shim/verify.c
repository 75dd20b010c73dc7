/* SPDX-License-Identifier: Apache-2.0 */
#include "verify.h"

#include "again.h"
#include "attach.h"
#include "hint.h"
#include "log.h"
#include "policy.h"
#include "strict.h"

#include <stdlib.h>

/*
 * The verifications that this thread is in, the latest first: a program's callback may verify
 * something itself, or switch to another coroutine that does. On the heap, since such a switch may
 * move the stack away (greenlet). Whoever leaves a callback by longjmp leaves his entry behind.
 */
static _Thread_local struct verification *latest;

static struct verification *running(const X509_STORE_CTX *ctx)
{
	struct verification *v = latest;

	while (v != NULL && v->ctx != ctx)
		v = v->outer;
	return v;
}

static void unlink_entry(const struct verification *v)
{
	for (struct verification **at = &latest; *at != NULL; at = &(*at)->outer)
		if (*at == v) {
			*at = v->outer;
			return;
		}
}

/* In place of the stock check of signatures and dates, after the chain is built. */
static int check_chain(X509_STORE_CTX *ctx)
{
	struct verification *v = running(ctx);
	const struct trust *trust;
	struct binding_scope scope;
	struct finding found = {.error = X509_V_OK};
	struct crypto *c;

	if (v == NULL)
		return 0;
	c = v->crypto;
	/*
	 * The rules for a chain are those of after it was built, not of when the verification
	 * began: another thread may have brought the store to a new generation since.
	 */
	trust = trust_present(c);
	scope = binding_work_begin(c);
	if (trust != NULL)
		found = policy_check(c, trust, ctx, v->is_client);
	binding_work_end(c, scope);
	v->anchor = found.anchor;
	if (found.error != X509_V_OK) {
		/* As any error of OpenSSL's own: the program's callback is asked. */
		const STACK_OF(X509) *chain = c->api.X509_STORE_CTX_get0_chain(ctx);
		X509 *cert = c->api.OPENSSL_sk_value((const OPENSSL_STACK *)chain, found.depth);

		c->api.X509_STORE_CTX_set_current_cert(ctx, cert);
		c->api.X509_STORE_CTX_set_error_depth(ctx, found.depth);
		c->api.X509_STORE_CTX_set_error(ctx, found.error);
		if (!c->api.X509_STORE_CTX_get_verify_cb(ctx)(0, ctx))
			return 0;
	}
	return v->verify(ctx);
}

/* Round the program's own callback. */
static int forgive_strict(int ok, X509_STORE_CTX *ctx)
{
	struct verification *v = running(ctx);
	struct crypto *c;
	int error, ret;

	/* OpenSSL copies the callback to a context of its own, for the issuers of CRLs. */
	if (v == NULL)
		return latest == NULL || latest->callback == NULL ? ok : latest->callback(ok, ctx);
	c = v->crypto;
	error = c->api.X509_STORE_CTX_get_error(ctx);
	if (!ok && strict_forgives(error) && policy_anchor(c, trust_present(c), ctx) != NULL) {
		if (config.relax_strict) {
			c->api.X509_STORE_CTX_set_error(ctx, v->error);
			return 1;
		}
		v->strict_error = error;
	}
	ret = v->callback(ok, ctx);
	v->error = c->api.X509_STORE_CTX_get_error(ctx);
	return ret;
}

bool verify_is_wanted(const struct crypto *crypto, const X509_STORE_CTX *ctx)
{
	return ctx != NULL && crypto->api.X509_STORE_CTX_get_verify(ctx) != check_chain;
}

static bool is_the_programs(void *arg, X509 *cert)
{
	const struct crypto *c = arg;

	return !trust_is_ours(trust_present(c), cert);
}

/*
 * Whoever is no client gets the store's own certificates and nothing else. OpenSSL would end at an
 * anchor of ours, and reject it, where the program trusts a CA above it, or another certificate of
 * the same CA.
 */
static void leave_out_anchors(struct verification *v)
{
	struct binding_scope scope;

	if (!attach_is_done(v->crypto, v->crypto->api.X509_STORE_CTX_get0_store(v->ctx)))
		return;
	scope = binding_work_begin(v->crypto);
	v->limit = again_limit(v->crypto, v->ctx, is_the_programs, v->crypto);
	binding_work_end(v->crypto, scope);
}

struct verification *verify_begin(struct crypto *crypto, X509_STORE_CTX *ctx)
{
	struct verification *v = running(ctx);

	/* One of the same context that was left by longjmp. */
	if (v == NULL) {
		v = malloc(sizeof(*v));
	} else {
		unlink_entry(v);
		again_free(v->limit);
	}
	if (v == NULL)
		return NULL;
	*v = (struct verification){.crypto = crypto, .ctx = ctx, .outer = latest};
	latest = v;
	v->ssl = binding_ssl_of(crypto, ctx, &v->connection);
	v->is_client = v->ssl != NULL && !v->ssl->api.SSL_is_server(v->connection);
	if (v->is_client)
		attach_anchors(crypto, crypto->api.X509_STORE_CTX_get0_store(ctx));
	else
		leave_out_anchors(v);
	v->verify = crypto->api.X509_STORE_CTX_get_verify(ctx);
	crypto->api.X509_STORE_CTX_set_verify(ctx, check_chain);
	if (v->is_client && (config.relax_strict || log_wants(LOG_INFO))) {
		v->error = crypto->api.X509_STORE_CTX_get_error(ctx);
		v->callback = crypto->api.X509_STORE_CTX_get_verify_cb(ctx);
		crypto->api.X509_STORE_CTX_set_verify_cb(ctx, forgive_strict);
	}
	return v;
}

void verify_end(struct verification *v, int ret)
{
	const struct crypto *c = v->crypto;

	/* Unless the program has set its own meanwhile, in a callback. */
	if (c->api.X509_STORE_CTX_get_verify(v->ctx) == check_chain)
		c->api.X509_STORE_CTX_set_verify(v->ctx, v->verify);
	if (c->api.X509_STORE_CTX_get_verify_cb(v->ctx) == forgive_strict)
		c->api.X509_STORE_CTX_set_verify_cb(v->ctx, v->callback);
	again_unlimit(v->limit, v->ctx);
	unlink_entry(v);
	if (v->is_client && log_wants(LOG_INFO)) {
		if (ret == 1)
			hint_used(v);
		else
			hint_failed(v);
	}
	free(v);
}
