/* SPDX-License-Identifier: Apache-2.0 */
#include "again.h"

#include "attach.h"

#include <stdlib.h>

/* More is no chain, but somebody who wants to keep us busy. */
enum { CANDIDATES_MAX = 64 };

struct again {
	const struct crypto *crypto;
	X509_STORE_CTX *lookup; /* in the program's store */
	X509_STORE *store;	/* an empty one, that has no callbacks */
	X509_STORE_CTX *verification;
	OPENSSL_STACK *candidates, *crls;
	OPENSSL_STACK *untrusted; /* ctx's own, no references */
	bool wants_crls;
	struct again_rules rules;
	int error;
};

static int count_of(const struct again *a, const void *stack)
{
	return a->crypto->api.OPENSSL_sk_num(stack);
}

static X509 *cert_at(const struct again *a, const void *stack, int i)
{
	return a->crypto->api.OPENSSL_sk_value(stack, i);
}

/* Moves what is new and wanted from found to the candidates. */
static void choose(struct again *a, STACK_OF(X509) * found)
{
	const struct crypto *c = a->crypto;

	for (int i = 0; i < count_of(a, found); i++) {
		X509 *cert = cert_at(a, found, i);
		bool known = count_of(a, a->candidates) >= CANDIDATES_MAX;

		for (int j = 0; !known && j < count_of(a, a->candidates); j++)
			known = cert_at(a, a->candidates, j) == cert;
		if (!known && a->rules.may_vouch(a->rules.arg, cert) && c->api.X509_up_ref(cert) &&
		    c->api.OPENSSL_sk_push(a->candidates, cert) <= 0)
			c->api.X509_free(cert);
	}
}

static void take_crls(struct again *a, const X509_NAME *issuer)
{
	const struct crypto *c = a->crypto;
	OPENSSL_STACK *found = (OPENSSL_STACK *)c->api.X509_STORE_CTX_get1_crls(a->lookup, issuer);

	for (int i = 0; i < count_of(a, found); i++)
		if (c->api.OPENSSL_sk_push(a->crls, c->api.OPENSSL_sk_value(found, i)) <= 0)
			c->api.X509_CRL_free(c->api.OPENSSL_sk_value(found, i));
	c->api.OPENSSL_sk_free(found);
}

static void look_up(struct again *a, const X509_NAME *subject)
{
	const struct crypto *c = a->crypto;
	STACK_OF(X509) *found = c->api.X509_STORE_CTX_get1_certs(a->lookup, subject);

	choose(a, found);
	c->api.OPENSSL_sk_pop_free((OPENSSL_STACK *)found, (OPENSSL_sk_freefunc)c->api.X509_free);
	if (a->wants_crls)
		take_crls(a, subject);
}

/*
 * What may stand in the chain, or above it: certificates of the same names, which a program may
 * trust by themselves or have with another issuer, and of the issuers' names, up to the top.
 */
static void collect(struct again *a, const void *certs)
{
	const struct crypto *c = a->crypto;

	for (int i = 0; i < count_of(a, certs) && i < CANDIDATES_MAX; i++) {
		look_up(a, c->api.X509_get_subject_name(cert_at(a, certs, i)));
		look_up(a, c->api.X509_get_issuer_name(cert_at(a, certs, i)));
	}
}

static void add_untrusted(struct again *a, const void *certs)
{
	for (int i = 0; i < count_of(a, certs); i++)
		a->crypto->api.OPENSSL_sk_push(a->untrusted, cert_at(a, certs, i));
}

/* The one whose verification this thread is in: nobody else's code runs there that could begin
 * another. */
static _Thread_local const struct again *observed;

static int observe(int ok, X509_STORE_CTX *ctx)
{
	const struct again *a = observed;

	if (ok || a == NULL || a->verification != ctx || a->rules.forgives == NULL ||
	    !a->rules.forgives(a->rules.arg, ctx))
		return ok;
	a->crypto->api.X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

static bool set_up(struct again *a, X509_STORE_CTX *ctx)
{
	const struct crypto *c = a->crypto;
	X509_VERIFY_PARAM *param = c->api.X509_VERIFY_PARAM_new();

	if (param == NULL ||
	    !c->api.X509_VERIFY_PARAM_set1(param, c->api.X509_STORE_CTX_get0_param(ctx)) ||
	    !c->api.X509_STORE_CTX_init(a->verification, a->store,
					c->api.X509_STORE_CTX_get0_cert(ctx),
					(STACK_OF(X509) *)a->untrusted)) {
		c->api.X509_VERIFY_PARAM_free(param);
		return false;
	}
	c->api.X509_STORE_CTX_set0_param(a->verification, param);
	c->api.X509_STORE_CTX_set0_trusted_stack(a->verification, (STACK_OF(X509) *)a->candidates);
	c->api.X509_STORE_CTX_set0_crls(a->verification, (STACK_OF(X509_CRL) *)a->crls);
	c->api.X509_STORE_CTX_set_verify_cb(a->verification, observe);
	return true;
}

void again_free(struct again *a)
{
	const struct crypto *c;

	if (a == NULL)
		return;
	c = a->crypto;
	c->api.X509_STORE_CTX_free(a->verification);
	c->api.X509_STORE_free(a->store);
	c->api.X509_STORE_CTX_free(a->lookup);
	c->api.OPENSSL_sk_free(a->untrusted);
	c->api.OPENSSL_sk_pop_free(a->candidates, (OPENSSL_sk_freefunc)c->api.X509_free);
	c->api.OPENSSL_sk_pop_free(a->crls, (OPENSSL_sk_freefunc)c->api.X509_CRL_free);
	free(a);
}

X509_STORE_CTX *again_result(const struct again *a)
{
	return a->verification;
}

/* With the choice made of what is in the store of ctx. */
static struct again *again_new(const struct crypto *c, X509_STORE_CTX *ctx,
			       const struct again_rules *rules)
{
	X509_STORE *store = c->api.X509_STORE_CTX_get0_store(ctx);
	X509 *leaf = c->api.X509_STORE_CTX_get0_cert(ctx);
	unsigned long flags =
		c->api.X509_VERIFY_PARAM_get_flags(c->api.X509_STORE_CTX_get0_param(ctx));
	struct again *a = store == NULL || leaf == NULL ? NULL : malloc(sizeof(*a));

	if (a == NULL)
		return NULL;
	*a = (struct again){.crypto = c,
			    .lookup = attach_lookup_new(c, store),
			    .store = c->api.X509_STORE_new(),
			    .verification = c->api.X509_STORE_CTX_new(),
			    .candidates = c->api.OPENSSL_sk_new_null(),
			    .crls = c->api.OPENSSL_sk_new_null(),
			    .untrusted = c->api.OPENSSL_sk_new_null(),
			    .wants_crls = (flags & X509_V_FLAG_CRL_CHECK) != 0,
			    .rules = *rules};
	if (a->lookup == NULL || a->store == NULL || a->verification == NULL ||
	    a->candidates == NULL || a->crls == NULL || a->untrusted == NULL) {
		again_free(a);
		return NULL;
	}
	c->api.OPENSSL_sk_push(a->untrusted, leaf);
	add_untrusted(a, c->api.X509_STORE_CTX_get0_untrusted(ctx));
	/* An anchor of the chain may be no anchor here, but still stand between two others. */
	add_untrusted(a, c->api.X509_STORE_CTX_get0_chain(ctx));
	collect(a, a->untrusted);
	/* It grows while it is gone through. */
	collect(a, a->candidates);
	return a;
}

struct again *again_verify(const struct crypto *c, X509_STORE_CTX *ctx,
			   const struct again_rules *rules)
{
	struct again *a = again_new(c, ctx, rules);

	if (a == NULL)
		return NULL;
	if (!set_up(a, ctx)) {
		again_free(a);
		return NULL;
	}
	observed = a;
	if (c->real.X509_verify_cert(a->verification) != 1)
		a->error = c->api.X509_STORE_CTX_get_error(a->verification);
	observed = NULL;
	return a;
}

int again_error(const struct again *a)
{
	return a->error;
}

/* Does ctx look for issuers as OpenSSL does by itself? Otherwise the program has limited it. */
static bool looks_into_store(const struct again *a, const X509_STORE_CTX *ctx)
{
	const struct crypto *c = a->crypto;

	return c->api.X509_STORE_CTX_init(a->verification, a->store, NULL, NULL) == 1 &&
	       c->api.X509_STORE_CTX_get_get_issuer(a->verification) ==
		       c->api.X509_STORE_CTX_get_get_issuer(ctx) &&
	       c->api.X509_STORE_CTX_get_lookup_certs(a->verification) ==
		       c->api.X509_STORE_CTX_get_lookup_certs(ctx);
}

struct again *again_limit(const struct crypto *c, X509_STORE_CTX *ctx,
			  const struct again_rules *rules)
{
	struct again *a = again_new(c, ctx, rules);

	if (a == NULL)
		return NULL;
	if (!looks_into_store(a, ctx)) {
		again_free(a);
		return NULL;
	}
	c->api.X509_STORE_CTX_set0_trusted_stack(ctx, (STACK_OF(X509) *)a->candidates);
	return a;
}

void again_unlimit(struct again *a, X509_STORE_CTX *ctx)
{
	if (a == NULL)
		return;
	/* What looks for issuers can't be set back; it finds none any more. */
	a->crypto->api.X509_STORE_CTX_set0_trusted_stack(ctx, NULL);
	again_free(a);
}
