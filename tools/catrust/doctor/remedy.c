/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/remedy.h"

#include "cli/command.h"

static enum remedy_kind kind_of(size_t plan)
{
	static const enum remedy_kind kinds[PLANS] = {
		[PLAN_FETCH] = REMEDY_FETCH,
		[PLAN_WITH_INTERMEDIATE] = REMEDY_WITH_INTERMEDIATE,
		[PLAN_PIN] = REMEDY_PIN,
	};

	return kinds[plan];
}

/*
 * The plan that helps most, and more than least; the first one if several are equal. PLANS: none.
 */
static size_t best_plan(const int count[PLANS], int least)
{
	size_t best = PLANS;

	for (size_t i = 0; i < PLANS; i++)
		if (count[i] > least) {
			best = i;
			least = count[i];
		}
	return best;
}

struct remedy remedy_choose(const struct remedy_facts *f)
{
	size_t best = best_plan(f->plan, f->here);

	if (f->plain == f->clients)
		return (struct remedy){REMEDY_NOTHING, false};
	if (f->here == f->clients)
		return (struct remedy){REMEDY_RUN, false};
	if (f->here_always > f->here)
		return (struct remedy){REMEDY_CONTEXTS, false};
	if (best != PLANS)
		return (struct remedy){kind_of(best), f->plan_relaxed[best] > f->plan[best]};
	if (f->here_relaxed > f->here)
		return (struct remedy){REMEDY_RELAX, true};
	best = best_plan(f->plan_relaxed, f->here);
	if (best != PLANS)
		return (struct remedy){kind_of(best), true};
	if (f->but_for_ca > f->here && f->is_public)
		return (struct remedy){REMEDY_BUNDLE, false};
	if (f->but_for_ca > f->here || f->but_for_ca_relaxed > f->here)
		return (struct remedy){REMEDY_ADD, f->but_for_ca_relaxed > f->but_for_ca};
	return (struct remedy){REMEDY_NONE, false};
}

int remedy_status(const struct remedy *remedy, bool tls_failed)
{
	if (tls_failed)
		return STATUS_NO_HELP;
	switch (remedy->kind) {
	case REMEDY_NOTHING:
	case REMEDY_RUN:
		return STATUS_DONE;
	case REMEDY_FETCH:
	case REMEDY_WITH_INTERMEDIATE:
	case REMEDY_PIN:
	case REMEDY_ADD:
		return STATUS_NO;
	case REMEDY_RELAX:
	case REMEDY_CONTEXTS:
	case REMEDY_BUNDLE:
	case REMEDY_NONE:
		break;
	}
	return STATUS_NO_HELP;
}
