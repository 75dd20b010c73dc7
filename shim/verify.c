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

/* Once: is there another way for the leaf than the chain that was built? */
static bool has_other_way(struct verification *v)
{
	if (!v->sought) {
		v->sought = true;
		v->way = policy_other_way(v->crypto, v->ctx, v->is_client);
	}
	return v->way != NULL;
}

/* The chain that was found good is what the program gets to see. */
static void take_way(struct verification *v)
{
	struct binding_scope scope = binding_work_begin(v->crypto);
	X509_STORE_CTX *way = again_result(v->way);
	STACK_OF(X509) *chain = v->crypto->api.X509_STORE_CTX_get1_chain(way);

	v->anchor = policy_check(v->crypto, way, v->is_client).anchor;
	if (chain != NULL)
		v->crypto->api.X509_STORE_CTX_set0_verified_chain(v->ctx, chain);
	binding_work_end(v->crypto, scope);
}

/* In place of the stock check of signatures and dates, after the chain is built. */
static int check_chain(X509_STORE_CTX *ctx)
{
	struct verification *v = running(ctx);
	struct binding_scope scope;
	struct finding found;
	struct crypto *c;
	bool good;

	if (v == NULL)
		return 0;
	c = v->crypto;
	scope = binding_work_begin(c);
	found = policy_check(c, ctx, v->is_client);
	good = found.error == X509_V_OK || has_other_way(v);
	binding_work_end(c, scope);
	v->anchor = found.anchor;
	/* What is checked from here on, and seen by the program's callback, is the chain that
	 * counts. */
	if (v->way != NULL)
		take_way(v);
	if (!good) {
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

/* Does an error that was found count for nothing? */
static bool is_forgiven(struct verification *v, int error)
{
	struct binding_scope scope = binding_work_begin(v->crypto);
	bool strict = strict_forgives(error) && policy_anchor(v->crypto, v->ctx) != NULL;
	bool forgiven = (strict && config.relax_strict) ||
			(policy_is_of_the_way(error) && has_other_way(v));

	if (strict && !forgiven)
		v->strict_error = error;
	binding_work_end(v->crypto, scope);
	return forgiven;
}

/* Round the program's own callback. */
static int forgive(int ok, X509_STORE_CTX *ctx)
{
	struct verification *v = running(ctx);
	struct crypto *c;
	int ret;

	/* OpenSSL copies the callback to a context of its own, for the issuers of CRLs. */
	if (v == NULL)
		return latest == NULL || latest->callback == NULL ? ok : latest->callback(ok, ctx);
	c = v->crypto;
	if (!ok && is_forgiven(v, c->api.X509_STORE_CTX_get_error(ctx))) {
		c->api.X509_STORE_CTX_set_error(ctx, v->error);
		return 1;
	}
	ret = v->callback(ok, ctx);
	v->error = c->api.X509_STORE_CTX_get_error(ctx);
	return ret;
}

bool verify_is_wanted(const struct crypto *crypto, const X509_STORE_CTX *ctx)
{
	/* With a chain, OpenSSL refuses; the context that has our callback copied is for CRLs. */
	return ctx != NULL && crypto->api.X509_STORE_CTX_get0_chain(ctx) == NULL &&
	       crypto->api.X509_STORE_CTX_get_verify(ctx) != check_chain &&
	       crypto->api.X509_STORE_CTX_get_verify_cb(ctx) != forgive;
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
	const struct again_rules rules = {.may_vouch = is_the_programs, .arg = v->crypto};
	struct binding_scope scope = binding_work_begin(v->crypto);

	v->limit = again_limit(v->crypto, v->ctx, &rules);
	binding_work_end(v->crypto, scope);
}

struct verification *verify_begin(struct crypto *crypto, X509_STORE_CTX *ctx)
{
	struct verification *v = running(ctx);
	X509_STORE *store;
	bool attached;

	/* One of the same context that was left by longjmp. */
	if (v == NULL) {
		v = malloc(sizeof(*v));
	} else {
		unlink_entry(v);
		again_free(v->way);
		again_free(v->limit);
	}
	if (v == NULL)
		return NULL;
	*v = (struct verification){.crypto = crypto, .ctx = ctx, .outer = latest};
	latest = v;
	v->ssl = binding_ssl_of(crypto, ctx, &v->connection);
	v->is_client = v->ssl != NULL && !v->ssl->api.SSL_is_server(v->connection);
	store = crypto->api.X509_STORE_CTX_get0_store(ctx);
	if (v->is_client)
		attach_anchors(crypto, store);
	attached = attach_is_done(crypto, store);
	if (attached && !v->is_client)
		leave_out_anchors(v);
	v->verify = crypto->api.X509_STORE_CTX_get_verify(ctx);
	crypto->api.X509_STORE_CTX_set_verify(ctx, check_chain);
	if (attached && v->is_client) {
		v->error = crypto->api.X509_STORE_CTX_get_error(ctx);
		v->callback = crypto->api.X509_STORE_CTX_get_verify_cb(ctx);
		crypto->api.X509_STORE_CTX_set_verify_cb(ctx, forgive);
	}
	return v;
}

void verify_end(struct verification *v, int ret)
{
	const struct crypto *c = v->crypto;

	/* Unless the program has set its own meanwhile, in a callback. */
	if (c->api.X509_STORE_CTX_get_verify(v->ctx) == check_chain)
		c->api.X509_STORE_CTX_set_verify(v->ctx, v->verify);
	if (c->api.X509_STORE_CTX_get_verify_cb(v->ctx) == forgive)
		c->api.X509_STORE_CTX_set_verify_cb(v->ctx, v->callback);
	if (ret == 1 && v->way != NULL)
		take_way(v);
	again_unlimit(v->limit, v->ctx);
	unlink_entry(v);
	if (v->is_client && log_wants(LOG_INFO)) {
		if (ret == 1)
			hint_used(v);
		else
			hint_failed(v);
	}
	again_free(v->way);
	free(v);
}
