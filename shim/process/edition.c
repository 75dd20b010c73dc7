/* SPDX-License-Identifier: Apache-2.0 */
#include "process/edition.h"

#include "libc/text.h"
#include "process/cancel.h"
#include "process/config.h"
#include "process/log.h"
#include "x509/sound.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The shortest times from one look to the next; looks happen only when something is verified. */
enum {
	CHECK_EVERY_MS = 800,
	SOON_MS = 100, /* after a look that could not read everything, or saw a directory change */
	LONGEST_MS = 60000, /* the longest time, however long a look takes */
	TELL_EVERY_MS = 60000,
};

static _Atomic(struct edition *) newest;
static _Atomic uint64_t checked_at,
	wait_ms;	  /* the time of the last look, and the time until the next */
static atomic_int looker; /* the process in which a thread looks; 0: none does */

static void edition_free(struct retired *item)
{
	struct edition *e = (struct edition *)item;

	trustdir_free(e->anchors);
	free(e);
}

/* A reader that enters before a new edition is published may keep the old one until it leaves. */
struct edition *edition_enter(void)
{
	retire_enter();
	return atomic_load(&newest);
}

void edition_leave(void)
{
	retire_leave();
}

static void tell_problems(const struct anchors *anchors)
{
	char number[24];
	struct text count = TEXT(number);

	for (size_t i = 0; i < anchors->problem_count; i++) {
		const struct trustdir_problem *p = &anchors->problem[i];

		log_line(p->level == TRUSTDIR_ERROR ? LOG_ERROR : LOG_INFO, p->text);
	}
	if (anchors->problems_lost > 0) {
		text_add_uint(&count, anchors->problems_lost);
		log_line(LOG_ERROR, "and ", number, " more of these");
	}
}

/* Would tell_problems() log anything? */
static bool has_lines(const struct anchors *anchors)
{
	for (size_t i = 0; i < anchors->problem_count; i++)
		if (log_wants(anchors->problem[i].level == TRUSTDIR_ERROR ? LOG_ERROR : LOG_INFO))
			return true;
	return false;
}

static uint64_t clock_us(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) != 0)
		return 0;
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/*
 * In a directory where other users may add entries, they can change the problems all the time. So
 * after the first ones, new ones are logged once a minute.
 */
static bool may_tell(void)
{
	static _Atomic uint64_t told_at;
	uint64_t now = clock_us(CLOCK_MONOTONIC_COARSE) / 1000, last = atomic_load(&told_at);

	return (last == 0 || now - last >= TELL_EVERY_MS) &&
	       atomic_compare_exchange_strong(&told_at, &last, now);
}

/* While directories change, problems are valid only for a moment. */
static void tell_news(const struct edition *before, struct edition *e)
{
	if (before != NULL && before->told && trustdir_same_problems(before->anchors, e->anchors)) {
		e->told = true;
	} else if (!has_lines(e->anchors)) {
		e->told = !e->anchors->moved;
	} else if (!e->anchors->moved && may_tell()) {
		tell_problems(e->anchors);
		e->told = true;
	}
}

/* Reads the directories, and publishes the result instead of before, which may be NULL. */
static bool read_edition(struct edition *before)
{
	struct edition *e = calloc(1, sizeof(*e)), *expected = before;

	if (e != NULL)
		e->retired.free = edition_free;
	if (e == NULL || trustdir_read(&config.sources, before == NULL ? NULL : before->anchors,
				       &e->anchors) != 0) {
		free(e);
		return false;
	}
	if (before == NULL)
		e->generation = 1;
	else
		e->generation =
			before->generation + (trustdir_same(before->anchors, e->anchors) ? 0 : 1);
	if (!atomic_compare_exchange_strong(&newest, &expected, e)) {
		edition_free(&e->retired);
		return false;
	}
	tell_news(before, e);
	return before != NULL;
}

/* The cost of a look: CPU time, and the time that its thread waits for it. */
struct cost {
	uint64_t cpu, wall; /* in us */
};

static struct cost cost_now(void)
{
	return (struct cost){clock_us(CLOCK_THREAD_CPUTIME_ID), clock_us(CLOCK_MONOTONIC)};
}

/*
 * The wait is a hundred times the cost of looking, or ten times the cost of reading what changed
 * (in us). After a change, a short wait matters more, because the next change should count soon.
 */
static uint64_t wait_after(const struct edition *e, struct cost start, struct cost looked,
			   struct cost end)
{
	uint64_t wait = e != NULL && e->anchors->unsteady ? SOON_MS : CHECK_EVERY_MS;
	const uint64_t costs[] = {
		(looked.cpu - start.cpu) / 10,
		(end.cpu - start.cpu) / 100,
		(end.wall - start.wall) / 100,
	};

	for (size_t i = 0; i < sizeof(costs) / sizeof(*costs); i++)
		if (wait < costs[i])
			wait = costs[i];
	return wait < LONGEST_MS ? wait : LONGEST_MS;
}

/* Is it time for a look? If so, this thread looks. */
static bool begin_look(void)
{
	uint64_t now = clock_us(CLOCK_MONOTONIC_COARSE) / 1000;
	uint64_t last = atomic_load_explicit(&checked_at, memory_order_relaxed);
	int other = atomic_load(&looker);

	/* In the child of a fork, the thread that was looking does not exist. */
	if (now - last < atomic_load(&wait_ms) && (other == 0 || other == getpid()))
		return false;
	if (!atomic_compare_exchange_strong(&checked_at, &last, now))
		return false;
	atomic_store(&looker, getpid());
	/* If a look hangs, one more thread a minute hangs, but not all threads. */
	atomic_store(&wait_ms, LONGEST_MS);
	return true;
}

static void end_look(uint64_t wait)
{
	atomic_store(&wait_ms, wait);
	atomic_store(&checked_at, clock_us(CLOCK_MONOTONIC_COARSE) / 1000);
	atomic_store(&looker, 0);
}

/* One thread looks for all. As long as there is no edition, each thread looks for itself. */
void edition_refresh(void)
{
	bool is_looker = begin_look(), changed, replaced = false;
	struct cost start, looked;
	struct edition *e;
	int cancel;

	if (!is_looker && atomic_load_explicit(&newest, memory_order_acquire) != NULL)
		return;
	cancel = cancel_hold();
	start = cost_now();
	e = edition_enter();
	changed = e == NULL || trustdir_changed(e->anchors);
	looked = cost_now();
	if (changed)
		replaced = read_edition(e);
	else if (is_looker && !e->told)
		tell_news(NULL, e);
	if (is_looker)
		end_look(wait_after(atomic_load(&newest), start, looked, cost_now()));
	if (replaced)
		retire(&e->retired);
	edition_leave();
	cancel_release(cancel);
}

/* Only the first thread that looks at an edition logs. */
static void tell_unsound(const struct edition *e, int64_t now)
{
	static _Atomic uint64_t told;

	if (atomic_exchange(&told, e->generation) == e->generation)
		return;
	for (size_t i = 0; i < e->anchors->count; i++)
		if (!sound_cert(e->anchors->anchor[i].der, e->anchors->anchor[i].der_len, now))
			log_line(LOG_INFO, e->anchors->anchor[i].file,
				 ": expired, not yet valid, or of an unusual form: not used where "
				 "catrust can't ask OpenSSL about it");
}

void edition_each(bool (*each)(void *arg, const struct anchor *anchor), void *arg)
{
	const struct edition *e;
	int64_t now;

	edition_refresh();
	now = (int64_t)(clock_us(CLOCK_REALTIME) / 1000000);
	e = edition_enter();
	if (e != NULL)
		tell_unsound(e, now);
	for (size_t i = 0; e != NULL && i < e->anchors->count; i++) {
		const struct anchor *a = &e->anchors->anchor[i];

		if (sound_cert(a->der, a->der_len, now) && !each(arg, a))
			break;
	}
	edition_leave();
}
