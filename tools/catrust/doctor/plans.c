/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include "verify/leaf_names.h"

static const struct fingerprints none;

STACK_OF(X509) * doctor_stack_of(X509 *cert)
{
	STACK_OF(X509) *stack = sk_X509_new_null();

	if (stack != NULL && X509_add_cert(stack, cert, X509_ADD_FLAG_UP_REF) != 1) {
		sk_X509_pop_free(stack, X509_free);
		stack = NULL;
	}
	return stack;
}

/* The lowest publicly trusted certificate of the path above the server's own; 0: none. */
int doctor_public_index(const struct doctor *d)
{
	const STACK_OF(X509) *path = d->fetch.chain.path;

	for (int i = 1; i < sk_X509_num(path); i++) {
		X509 *cert = sk_X509_value(path, i);

		if (trusted_file_of(&d->fetch.trusted, cert) != NULL)
			return 0;
		if (candidate_find_key(d->session.public_cas, cert) != NULL)
			return i;
	}
	return 0;
}

/* For a CA that is already trusted for some names: which scopes this server needs in addition.
 * Returns false if there are no sound ones. */
static bool widen(const struct fetch *f, X509 *cert, struct scopes *ret)
{
	struct reason ignored = {""};

	scopes_of(&f->trusted, cert, ret);
	return ret->count > 0 && leaf_scopes(sk_X509_value(f->peer.certs, 0), &f->name,
					     leaf_may_sign(cert), ret, &ignored) == LEAF_SCOPES_OK;
}

/* Returns 0, or -1: out of memory. */
static int keep(struct doctor *d, enum remedy_plan i, const struct plan *p,
		const struct plan_wish *wish)
{
	const STACK_OF(X509) *below = wish->with_intermediate ? p->below : NULL;

	/* Nothing would be added: the result is what is there already. */
	if (p->result == PLAN_REFUSED || (p->result == PLAN_TRUSTED && sk_X509_num(below) <= 0))
		return 0;
	d->scopes[i] = p->scopes;
	d->plan[i] = doctor_stack_of(p->candidate);
	if (d->plan[i] == NULL)
		return -1;
	for (int k = 0; k < sk_X509_num(below); k++)
		if (X509_add_cert(d->plan[i], sk_X509_value(below, k), X509_ADD_FLAG_UP_REF) != 1)
			return -1;
	return 0;
}

/* Returns 0, or -1: out of memory. */
static int make_plan(struct doctor *d, enum remedy_plan i)
{
	struct plan_wish wish = {
		.pin = i == PLAN_PIN,
		.with_intermediate = i == PLAN_WITH_INTERMEDIATE,
		.fingerprints = &none,
	};
	struct plan p;
	int result;

	if (plan_make(&d->fetch, &wish, &p) != 0)
		return -1;
	if (!wish.pin && p.candidate != NULL && p.result != PLAN_TRUSTED) {
		bool wider = widen(&d->fetch, p.candidate, &wish.scopes);

		if (wider) {
			plan_clear(&p);
			if (plan_make(&d->fetch, &wish, &p) != 0)
				return -1;
		} else if (wish.scopes.count > 0) {
			p.result = PLAN_REFUSED;
		}
	}
	if (wish.pin)
		d->no_scope = p.no_scope;
	result = keep(d, i, &p, &wish);
	plan_clear(&p);
	return result;
}

int doctor_make_plans(struct doctor *d)
{
	if (d->fetch.peer.certs == NULL)
		return 0;
	for (enum remedy_plan i = 0; i < PLANS; i++)
		if (make_plan(d, i) != 0)
			return -1;
	return 0;
}
