/* SPDX-License-Identifier: Apache-2.0 */
#include "edition.h"

#include "config.h"
#include "log.h"
#include "sound.h"
#include "text.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How often the directories are looked at, at most, and only when somebody verifies. */
enum { CHECK_EVERY_MS = 800 };

static _Atomic(struct edition *) newest;
static _Atomic uint64_t checked_at; /* in ms */

/* When the next certificate that is not valid yet becomes so, in seconds since 1970; 0: there is
 * none.
 */
static _Atomic int64_t due;

static void edition_free(struct retired *item)
{
	struct edition *e = (struct edition *)item;

	trustdir_free(e->anchors);
	free(e);
}

/* A reader that enters before a new edition is published may hold the one before until it leaves.
 */
static struct edition *enter(void)
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

static bool same_problems(const struct anchors *a, const struct anchors *b)
{
	if (a->problem_count != b->problem_count)
		return false;
	for (size_t i = 0; i < a->problem_count; i++)
		if (strcmp(a->problem[i].text, b->problem[i].text) != 0)
			return false;
	return true;
}

/*
 * Reads the directories and publishes them in place of before, which may be NULL. anew: as a new
 * generation, even if they are the same.
 */
static bool read_edition(struct edition *before, bool anew)
{
	struct edition *e = calloc(1, sizeof(*e)), *expected = before;

	if (e != NULL)
		e->retired.free = edition_free;
	if (e == NULL || trustdir_read(&config.sources, &e->anchors) != 0) {
		free(e);
		return false;
	}
	if (before == NULL)
		e->generation = 1;
	else
		e->generation = before->generation +
				(anew || !trustdir_same(before->anchors, e->anchors) ? 1 : 0);
	if (!atomic_compare_exchange_strong(&newest, &expected, e)) {
		edition_free(&e->retired);
		return false;
	}
	if (before == NULL || !same_problems(before->anchors, e->anchors))
		tell_problems(e->anchors);
	return before != NULL;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC_COARSE, &now) != 0)
		return 0;
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int64_t edition_now(void)
{
	struct timespec now = {0, 0};

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

/* One thread looks for all. */
void edition_refresh(void)
{
	uint64_t now = now_ms(), last = atomic_load_explicit(&checked_at, memory_order_relaxed);
	struct edition *e;
	bool replaced = false;
	int64_t when;

	if (atomic_load_explicit(&newest, memory_order_acquire) != NULL &&
	    (now - last < CHECK_EVERY_MS ||
	     !atomic_compare_exchange_strong(&checked_at, &last, now)))
		return;
	e = enter();
	when = atomic_load(&due);
	if (e == NULL) {
		atomic_store(&checked_at, now);
		read_edition(NULL, false);
	} else if (when != 0 && when <= edition_now()) {
		/* Before it is read: whoever makes anchors of it says which is the next. */
		atomic_store(&due, 0);
		replaced = read_edition(e, true);
		if (!replaced)
			atomic_store(&due, when);
	} else if (trustdir_changed(e->anchors)) {
		replaced = read_edition(e, false);
	}
	if (replaced)
		retire(&e->retired);
	edition_leave();
}

/* The one thread whose look at an edition is the first tells. */
static void tell_unsound(const struct edition *e, int64_t now)
{
	static _Atomic uint64_t told;

	if (atomic_exchange(&told, e->generation) == e->generation)
		return;
	for (size_t i = 0; i < e->anchors->count; i++)
		if (!sound_cert(e->anchors->anchor[i].der, e->anchors->anchor[i].der_len, now))
			log_line(LOG_INFO, e->anchors->anchor[i].file,
				 ": expired, not yet valid, or of an unusual form: left out where "
				 "no OpenSSL is to be asked");
}

void edition_each(bool (*each)(void *arg, const struct anchor *anchor), void *arg)
{
	const struct edition *e;
	int64_t now;

	edition_refresh();
	now = edition_now();
	e = enter();
	if (e != NULL)
		tell_unsound(e, now);
	for (size_t i = 0; e != NULL && i < e->anchors->count; i++) {
		const struct anchor *a = &e->anchors->anchor[i];

		if (sound_cert(a->der, a->der_len, now) && !each(arg, a))
			break;
	}
	edition_leave();
}

const struct edition *edition_enter(void)
{
	return enter();
}

void edition_again_at(int64_t when)
{
	int64_t known = atomic_load(&due);

	while ((known == 0 || when < known) && !atomic_compare_exchange_weak(&due, &known, when))
		;
}
