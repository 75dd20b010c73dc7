/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/lend.h"

#include "policy/leaf_scope.h"

#include <stdlib.h>

#include "openssl/openssl_calls.h"

/*
 * What a context has been lent. It is kept in the context's ex_data, where it survives a callback
 * that leaves by longjmp, and a switch to another coroutine. A trusted stack can't be removed from
 * a context, so it stays there, empty, when the verification is over. A context that already has
 * one is recognized by that.
 */
struct loan {
	struct candidates found;
	struct policy_loan stacks;
	STACK_OF(X509) * sent;		 /* the program's */
	X509_STORE_CTX_verify_fn verify; /* the program's value, if it was replaced; or NULL */
	bool is_strict;			 /* X509_V_FLAG_X509_STRICT is to be set again */
};

static void loan_clear(struct loan *l)
{
	const struct crypto *c = l->found.crypto;

	candidates_free(&l->found);
	l->found.own_count = l->found.anchor_count = 0;
	while (certs_count(c, l->stacks.trusted) > 0)
		X509_free(certs_pop(c, l->stacks.trusted));
	certs_free(c, l->stacks.untrusted);
	l->stacks.untrusted = NULL;
}

/* OpenSSL calls this when the context is freed, or initialized again. */
static void loan_free(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl,
		      void *argp)
{
	struct loan *l = ptr;

	(void)parent;
	(void)data;
	(void)index;
	(void)argl;
	(void)argp;
	if (l == NULL)
		return;
	loan_clear(l);
	certs_free(l->found.crypto, l->stacks.trusted);
	free(l);
}

static struct loan *loan_of(const struct crypto *c, X509_STORE_CTX *ctx)
{
	int index = atomic_load_explicit(&c->loan_index, memory_order_acquire);

	return index < 0 ? NULL : X509_STORE_CTX_get_ex_data(ctx, index);
}

/* Makes a new one and attaches it to the context. */
static struct loan *loan_new(struct crypto *c, X509_STORE_CTX *ctx)
{
	int index = binding_ex_index(c, &c->loan_index, CRYPTO_EX_INDEX_X509_STORE_CTX, loan_free);
	struct loan *l = index < 0 ? NULL : calloc(1, sizeof(*l));

	if (l == NULL || X509_STORE_CTX_set_ex_data(ctx, index, l) == 1)
		return l;
	free(l);
	return NULL;
}

void lend_note_lookup(struct crypto *c, X509_STORE *store, const X509_LOOKUP_METHOD *method)
{
	int index;

	if (method == X509_LOOKUP_file() || method == X509_LOOKUP_hash_dir() ||
	    (X509_LOOKUP_store != NULL && method == X509_LOOKUP_store()))
		return;
	index = binding_ex_index(c, &c->lookup_index, CRYPTO_EX_INDEX_X509_STORE, NULL);
	if (index >= 0)
		X509_STORE_set_ex_data(store, index, store);
}

static bool has_own_lookup(const struct crypto *c, X509_STORE_CTX *ctx)
{
	int index = atomic_load_explicit(&c->lookup_index, memory_order_acquire);

	return index >= 0 && X509_STORE_get_ex_data(X509_STORE_CTX_get0_store(ctx), index) != NULL;
}

/* The functions of a context in which the program has changed nothing. */
struct stock {
	X509_STORE_CTX_get_issuer_fn get_issuer;
	X509_STORE_CTX_lookup_certs_fn lookup_certs;
	X509_STORE_CTX_check_issued_fn check_issued;
	X509_STORE_CTX_verify_fn verify;
};

/* NULL: out of memory. */
static const struct stock *stock_of(struct crypto *c)
{
	struct stock *known = atomic_load_explicit(&c->stock, memory_order_acquire), *mine;
	X509_STORE_CTX *ctx;
	X509_STORE *store;

	if (known != NULL)
		return known;
	mine = calloc(1, sizeof(*mine));
	ctx = X509_STORE_CTX_new();
	store = X509_STORE_new();
	if (mine != NULL && ctx != NULL && store != NULL &&
	    X509_STORE_CTX_init(ctx, store, NULL, NULL) == 1) {
		mine->get_issuer = X509_STORE_CTX_get_get_issuer(ctx);
		mine->lookup_certs = X509_STORE_CTX_get_lookup_certs(ctx);
		mine->check_issued = X509_STORE_CTX_get_check_issued(ctx);
		mine->verify = X509_STORE_CTX_get_verify(ctx);
		if (atomic_compare_exchange_strong(&c->stock, &known, mine)) {
			known = mine;
			mine = NULL;
		}
	}
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	free(mine);
	return known;
}

bool lend_is_possible(struct crypto *c, X509_STORE_CTX *ctx)
{
	const struct loan *l = loan_of(c, ctx);
	const struct stock *stock;

	if (l != NULL && l->stacks.trusted != NULL)
		return true;
	stock = stock_of(c);
	return stock != NULL && X509_STORE_CTX_get0_store(ctx) != NULL &&
	       X509_STORE_CTX_get_get_issuer(ctx) == stock->get_issuer &&
	       X509_STORE_CTX_get_lookup_certs(ctx) == stock->lookup_certs &&
	       X509_STORE_CTX_get_check_issued(ctx) == stock->check_issued &&
	       !has_own_lookup(c, ctx);
}

struct trust_anchor *lend_anchor(const struct loan *l, X509_STORE_CTX *ctx, int *ret_depth)
{
	struct crypto *c = l->found.crypto;
	const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);

	*ret_depth = policy_anchor_depth(c, ctx);
	for (size_t i = 0; *ret_depth >= 0 && i < l->found.anchor_count; i++)
		if (trust_cert(c, l->found.anchor[i]) == certs_at(c, chain, *ret_depth))
			return l->found.anchor[i];
	return NULL;
}

/*
 * Replaces the check of signatures and dates, which runs when the chain has been built: the names
 * of the chain must be in the scope of the anchor. If a program has copied this function pointer to
 * one of its own contexts, the function does there what the original would do.
 */
static int check_scope(X509_STORE_CTX *ctx)
{
	struct crypto *c = binding_calling(__builtin_return_address(0));
	const struct loan *l = c == NULL ? NULL : loan_of(c, ctx);
	struct trust_anchor *anchor;
	struct binding_scope scope;
	int depth, outside = -1;

	if (c == NULL)
		return 0;
	if (l == NULL || l->verify == NULL)
		return stock_of(c) == NULL ? 0 : stock_of(c)->verify(ctx);
	scope = binding_work_begin(c);
	anchor = lend_anchor(l, ctx, &depth);
	if (anchor != NULL)
		outside = leaf_scope_break(c, ctx, depth, anchor);
	binding_work_end(c, scope);
	if (outside >= 0) {
		/* As for any error of OpenSSL, the program's callback is asked. */
		X509_STORE_CTX_set_current_cert(
			ctx, certs_at(c, X509_STORE_CTX_get0_chain(ctx), outside));
		X509_STORE_CTX_set_error_depth(ctx, outside);
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_PERMITTED_VIOLATION);
		if (!X509_STORE_CTX_get_verify_cb(ctx)(0, ctx))
			return 0;
	}
	return l->verify(ctx);
}

static bool is_any_scoped(const struct candidates *f)
{
	for (size_t i = 0; i < f->anchor_count; i++)
		if (f->anchor[i]->scopes != NULL)
			return true;
	return false;
}

/* Puts a loan into its context. */
static void lend(struct loan *l, const struct candidates *found, const struct policy_loan *stacks)
{
	const struct crypto *c = found->crypto;
	X509_STORE_CTX *ctx = found->ctx;
	STACK_OF(X509) *kept = l->stacks.trusted;

	*l = (struct loan){.found = *found, .stacks = *stacks};
	if (stacks->trusted != NULL) {
		X509_STORE_CTX_set0_trusted_stack(ctx, stacks->trusted);
		certs_free(c, kept);
		l->sent = X509_STORE_CTX_get0_untrusted(ctx);
		if (stacks->untrusted != NULL)
			X509_STORE_CTX_set0_untrusted(ctx, stacks->untrusted);
	} else {
		l->stacks.trusted = kept;
	}
	if (stacks->untrusted != NULL && is_any_scoped(found)) {
		l->verify = X509_STORE_CTX_get_verify(ctx);
		X509_STORE_CTX_set_verify(ctx, check_scope);
	}
	if (stacks->relax) {
		l->is_strict = true;
		X509_VERIFY_PARAM_clear_flags(X509_STORE_CTX_get0_param(ctx),
					      X509_V_FLAG_X509_STRICT);
	}
}

struct loan *lend_begin(struct candidates *found, bool wanted,
			const struct policy_settings *settings)
{
	struct crypto *c = found->crypto;
	struct policy_loan stacks = {.trusted = NULL};
	struct loan *l = loan_of(c, found->ctx);
	bool is_ours = l != NULL && l->stacks.trusted != NULL;

	if (wanted)
		stacks = policy_decide(found, settings);
	/* A context with a trusted stack does not use its store. */
	if (is_ours && stacks.trusted == NULL)
		stacks.trusted = policy_own_certificates(found);
	if (stacks.trusted != NULL || stacks.relax) {
		if (!is_ours)
			l = loan_new(c, found->ctx);
		if (l != NULL) {
			lend(l, found, &stacks);
			return l;
		}
	}
	policy_free(c, &stacks);
	candidates_free(found);
	return l;
}

void lend_end(struct loan *l, X509_STORE_CTX *ctx)
{
	const struct crypto *c = l->found.crypto;

	/* Skipped if the program has set its own meanwhile, in a callback. */
	if (l->verify != NULL && X509_STORE_CTX_get_verify(ctx) == check_scope)
		X509_STORE_CTX_set_verify(ctx, l->verify);
	l->verify = NULL;
	if (l->is_strict)
		X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx),
					    X509_V_FLAG_X509_STRICT);
	l->is_strict = false;
	if (l->stacks.untrusted != NULL &&
	    X509_STORE_CTX_get0_untrusted(ctx) == l->stacks.untrusted)
		X509_STORE_CTX_set0_untrusted(ctx, l->sent);
	loan_clear(l);
}
