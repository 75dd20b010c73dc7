/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include "fetch/fetchcommand.h"

/*
 * How many clients would accept it if a CA were trusted that can't be found, or must not be added.
 */
static int count_but_for_ca(const struct doctor *d, bool relax)
{
	STACK_OF(X509) * above;
	enum chain_top kind;
	int count = 0;
	X509 *top;

	/* No CA vouches for it. */
	kind = chain_top(&d->fetch.chain, &top);
	if (kind == CHAIN_OWN || kind == CHAIN_OWN_CA)
		return 0;
	if (doctor_public_index(d) != 0) {
		above = X509_chain_up_ref(d->fetch.chain.path);
		X509_free(sk_X509_shift(above));
		count = doctor_count_accepted(d, above, NULL, false);
		sk_X509_pop_free(above, X509_free);
		return count;
	}
	for (size_t i = 0; i < d->clients; i++) {
		const struct verify_result *j = &d->client[i].here.result;
		size_t others = 0;

		for (size_t k = 0; k < j->count; k++) {
			const struct diagnosis *diagnosis =
				diagnose_code(j->error[k].code, j->error[k].depth, GAP_NONE);

			others += !diagnose_is_gap(j->error[k].code) && !diagnosis->ca_helps &&
				  !(relax && diagnosis->relax);
		}
		count += !d->client[i].load_failed && others == 0;
	}
	return count;
}

int doctor_set_facts(struct doctor *d)
{
	struct remedy_facts *f = &d->facts;

	f->clients = (int)d->clients;
	for (size_t i = 0; i < d->clients; i++) {
		f->plain += doctor_accepts(&d->client[i].plain, &d->client[i]);
		f->here += doctor_accepts(&d->client[i].here, &d->client[i]);
	}
	f->is_public = doctor_public_index(d) != 0;
	f->here_relaxed = doctor_count_accepted(d, NULL, NULL, true);
	f->but_for_ca = count_but_for_ca(d, false);
	f->but_for_ca_relaxed = count_but_for_ca(d, true);
	f->here_always = doctor_count_in_all_contexts(d);
	if (f->here_always < 0 || f->here_relaxed < 0 || f->but_for_ca < 0 ||
	    f->but_for_ca_relaxed < 0)
		return -1;
	for (int i = 0; i < PLANS; i++) {
		f->plan[i] = f->plan_relaxed[i] = -1;
		if (d->plan[i] == NULL)
			continue;
		f->plan[i] = doctor_count_accepted(d, d->plan[i], &d->scopes[i], false);
		f->plan_relaxed[i] = doctor_count_accepted(d, d->plan[i], &d->scopes[i], true);
		if (f->plan[i] < 0 || f->plan_relaxed[i] < 0)
			return -1;
	}
	return 0;
}

/* fetch must reach the server in the same way. */
static void write_fetch(const struct doctor *d, enum remedy_plan plan, struct quote *q)
{
	struct options how = *d->options;

	how.pin = plan == PLAN_PIN;
	how.with_intermediate = plan == PLAN_WITH_INTERMEDIATE;
	/* A pin needs no scope options. */
	fetchcommand_write(q, &how, how.args[0], how.pin ? NULL : &d->scopes[plan]);
}

void doctor_write_command(struct doctor *d)
{
	struct quote *q = &d->command;

	switch (d->remedy.kind) {
	case REMEDY_RUN:
		quote_plain(q, "catrust-run");
		quote_word(q, d->options->python == NULL ? "python3" : d->options->python);
		break;
	case REMEDY_FETCH:
		write_fetch(d, PLAN_FETCH, q);
		break;
	case REMEDY_WITH_INTERMEDIATE:
		write_fetch(d, PLAN_WITH_INTERMEDIATE, q);
		break;
	case REMEDY_PIN:
		write_fetch(d, PLAN_PIN, q);
		break;
	case REMEDY_ADD:
		quote_plain(q, "catrust add");
		if (d->options->dir != NULL) {
			quote_plain(q, "--dir");
			quote_word(q, d->options->dir);
		}
		quote_plain(q, "FILE");
		break;
	case REMEDY_RELAX:
		quote_plain(q, "export CATRUST_STRICT=relax");
		break;
	case REMEDY_CONTEXTS:
		quote_plain(q, "unset CATRUST_CONTEXTS");
		break;
	case REMEDY_NOTHING:
	case REMEDY_BUNDLE:
	case REMEDY_NONE:
		break;
	}
	if (d->remedy.relax && d->remedy.kind != REMEDY_RELAX)
		quote_plain(q, "&& export CATRUST_STRICT=relax");
	if (q->full)
		*q = (struct quote){.len = 0};
}

/* The certificate that fetch asks about: the topmost of those that it saves. */
static X509 *candidate_of(const struct doctor *d)
{
	switch (d->remedy.kind) {
	case REMEDY_FETCH:
		return sk_X509_value(d->plan[PLAN_FETCH], 0);
	case REMEDY_WITH_INTERMEDIATE:
		return sk_X509_value(d->plan[PLAN_WITH_INTERMEDIATE], 0);
	case REMEDY_PIN:
		return sk_X509_value(d->plan[PLAN_PIN], 0);
	default:
		return NULL;
	}
}

void doctor_advise(struct doctor *d)
{
	d->remedy = remedy_choose(&d->facts);
	d->candidate = candidate_of(d);
}
