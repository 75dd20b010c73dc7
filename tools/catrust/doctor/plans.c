/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include "verify/leaf_names.h"

#include <time.h>

static bool is_sent(const struct doctor *d, const X509 *cert)
{
	return chain_contains(d->fetch.peer.certs, cert);
}

STACK_OF(X509) * doctor_stack_of(X509 *cert)
{
	STACK_OF(X509) *stack = sk_X509_new_null();

	if (stack != NULL && X509_add_cert(stack, cert, X509_ADD_FLAG_UP_REF) != 1) {
		sk_X509_pop_free(stack, X509_free);
		stack = NULL;
	}
	return stack;
}

/* The lowest certificate of the path, above the server's own, that is publicly trusted; 0: none. */
int doctor_public_index(const struct doctor *d)
{
	const STACK_OF(X509) *path = d->fetch.chain.path;

	for (int i = 1; i < sk_X509_num(path); i++) {
		X509 *cert = sk_X509_value(path, i);

		if (trusted_file_of(&d->trusted, cert) != NULL)
			return 0;
		if (candidate_find_key(d->session.public_cas, cert) != NULL)
			return i;
	}
	return 0;
}

/* What --with-intermediate saves below place top of the path; the same as fetch's. */
static int add_below(const struct doctor *d, int top, bool is_public, STACK_OF(X509) * to)
{
	const STACK_OF(X509) *path = d->fetch.chain.path;
	int before = sk_X509_num(to);

	for (int i = top - 1; i > 0; i--)
		if (!is_sent(d, sk_X509_value(path, i)) &&
		    X509_add_cert(to, sk_X509_value(path, i), X509_ADD_FLAG_UP_REF) != 1)
			return -1;
	if (sk_X509_num(to) == before && top > 1 && !is_public)
		return X509_add_cert(to, sk_X509_value(path, top - 1), X509_ADD_FLAG_UP_REF) == 1
			       ? 0
			       : -1;
	return 0;
}

/* Would fetch refuse to save one of them? */
static bool is_refused(const STACK_OF(X509) * certs, bool pin)
{
	struct findings findings;

	for (int i = 0; i < sk_X509_num(certs); i++) {
		X509 *cert = sk_X509_value(certs, i);

		if ((pin ? candidate_check_pin(cert, time(NULL), &findings)
			 : candidate_check(cert, time(NULL), &findings)) != 0 ||
		    findings_refuse(&findings))
			return true;
	}
	return false;
}

static void drop_plan(struct doctor *d, enum remedy_plan plan)
{
	sk_X509_pop_free(d->plan[plan], X509_free);
	d->plan[plan] = NULL;
}

/*
 * The scopes of a plan: those of a pin, or, for a CA that is trusted for some names already, what
 * more it takes for this server. There may be no sound ones: then there is no plan either.
 */
static void set_scopes(struct doctor *d, enum remedy_plan plan)
{
	struct scopes *scopes = &d->scopes[plan];
	char name[SCOPEDIR_NAME];
	X509 *cert = sk_X509_value(d->plan[plan], 0);

	if (plan != PLAN_PIN) {
		scopes_of(&d->trusted, cert, scopes);
		if (scopes->count == 0)
			return;
	} else if (scopedir_for_host(&d->fetch.name, name) != NULL ||
		   scopes_add(scopes, name) != 0) {
		reason_set(&d->no_scope, "the host that was named can't be a scope");
		drop_plan(d, plan);
		return;
	}
	if (leaf_scopes(sk_X509_value(doctor_sent(d), 0), &d->fetch.name, leaf_may_sign(cert),
			scopes, &d->no_scope) != LEAF_SCOPES_OK)
		drop_plan(d, plan);
}

/* Returns 0, or -1: out of memory. */
int doctor_make_plans(struct doctor *d)
{
	int last = sk_X509_num(d->fetch.chain.path) - 1, public = doctor_public_index(d);
	X509 *top;
	enum chain_top kind = chain_top(&d->fetch.chain, &top);

	if (kind == CHAIN_NONE)
		return 0;
	if (kind == CHAIN_OWN || kind == CHAIN_OWN_CA) {
		d->plan[PLAN_PIN] = doctor_stack_of(top);
		if (d->plan[PLAN_PIN] == NULL)
			return -1;
		if (is_refused(d->plan[PLAN_PIN], true))
			drop_plan(d, PLAN_PIN);
		else
			set_scopes(d, PLAN_PIN);
		return 0;
	}
	d->plan[PLAN_WITH_INTERMEDIATE] = public == 0 ? doctor_stack_of(top) : sk_X509_new_null();
	if (d->plan[PLAN_WITH_INTERMEDIATE] == NULL ||
	    add_below(d, public == 0 ? last : public, public != 0,
		      d->plan[PLAN_WITH_INTERMEDIATE]) != 0)
		return -1;
	if (public == 0) {
		d->plan[PLAN_FETCH] = doctor_stack_of(top);
		if (d->plan[PLAN_FETCH] == NULL)
			return -1;
	}
	for (enum remedy_plan i = PLAN_FETCH; i <= PLAN_WITH_INTERMEDIATE; i++)
		if (sk_X509_num(d->plan[i]) <= 0 || is_refused(d->plan[i], false))
			drop_plan(d, i);
		else
			set_scopes(d, i);
	return 0;
}
