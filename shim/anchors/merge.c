/* SPDX-License-Identifier: Apache-2.0 */
/* Merges what the files say: each certificate once, with all its scopes. */
#include "anchors/reading.h"

#include "libc/hash.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * A hash table of the certificates so far, by their bytes. A slot is 0, or 1 + the index of the
 * anchor.
 */
struct index {
	uint16_t *slot;
	size_t mask;
};

_Static_assert(TRUSTDIR_MAX_ANCHORS < UINT16_MAX, "a place fits a slot");

static bool is_cert(const struct anchor *a, const unsigned char *der, size_t len)
{
	return a->der_len == len && memcmp(a->der, der, len) == 0;
}

/*
 * The slot that has it, or a free slot for it. The hash is of the end of the certificate, which is
 * its signature.
 */
static uint16_t *find_slot(const struct index *index, const struct anchors *all,
			   const struct file_cert *cert)
{
	size_t from = cert->len < 32 ? 0 : cert->len - 32;
	uint64_t hash = hash_bytes(cert->der + from, cert->len - from);

	for (;; hash++) {
		uint16_t *slot = &index->slot[hash & index->mask];

		if (*slot == 0 || is_cert(&all->anchor[*slot - 1], cert->der, cert->len))
			return slot;
	}
}

static bool has_scope(const struct anchor *a, const struct scope *scope)
{
	for (const struct scope_list *l = a->scopes; l != NULL; l = l->next)
		if (scope_equal(&l->scope, scope))
			return true;
	return false;
}

/* One file that is being merged into the anchors. */
struct merge {
	struct reading *reading;
	struct index index;
	const struct held *held;
	bool full;
	bool has_lost_scope;
};

static void add_scope(struct reading *r, struct anchor *a, const struct scope *scope)
{
	const struct scope_list more = {*scope, a->scopes};

	a->scopes = arena_keep(&r->memory, &more, sizeof(more));
}

/* Another directory has the certificate: scopes add up, and no scope means all names. */
static void widen(struct merge *m, struct anchor *a)
{
	const struct trust_file *f = m->held->file;
	size_t count = 0;

	if (a->scopes == NULL || f->scope == NULL) {
		a->scopes = NULL;
		return;
	}
	if (has_scope(a, f->scope))
		return;
	for (const struct scope_list *l = a->scopes; l != NULL; l = l->next)
		count++;
	if (count == TRUSTDIR_MAX_SCOPES)
		m->has_lost_scope = true;
	else
		add_scope(m->reading, a, f->scope);
}

/* Another file has the certificate. If the same file has it twice, nothing changes. */
static void note_copy(struct reading *r, struct anchor *a, const char *file)
{
	const struct anchor_copy copy = {file, a->copies};
	const char *last = a->copies == NULL ? a->file : a->copies->file;

	if (strcmp(last, file) != 0)
		a->copies = arena_keep(&r->memory, &copy, sizeof(copy));
}

static void add_cert(struct merge *m, const struct file_cert *cert)
{
	struct reading *r = m->reading;
	const struct trust_file *f = m->held->file;
	uint16_t *slot = find_slot(&m->index, &r->out, cert);
	struct anchor anchor = {
		.der = cert->der, .der_len = cert->len, .file = f->seen.path, .line = cert->line};

	if (*slot != 0) {
		widen(m, &r->out.anchor[*slot - 1]);
		if (m->held->missed == 0)
			note_copy(r, &r->out.anchor[*slot - 1], f->seen.path);
		return;
	}
	if (r->out.count == TRUSTDIR_MAX_ANCHORS) {
		m->full = true;
		return;
	}
	if (f->scope != NULL)
		add_scope(r, &anchor, f->scope);
	r->out.anchor =
		arena_add(&r->memory, r->out.anchor, &r->out.count, sizeof(anchor), &anchor);
	*slot = (uint16_t)r->out.count;
}

static bool make_index(const struct reading *r, struct index *index)
{
	size_t certs = 0, slots = 64;

	for (size_t i = 0; i < r->held_count; i++)
		certs += r->held[i].file->count;
	if (certs > TRUSTDIR_MAX_ANCHORS)
		certs = TRUSTDIR_MAX_ANCHORS;
	while (slots < 2 * certs)
		slots *= 2;
	index->mask = slots - 1;
	index->slot = calloc(slots, sizeof(*index->slot));
	return index->slot != NULL;
}

void reading_merge(struct reading *r)
{
	struct merge m = {.reading = r};

	if (!make_index(r, &m.index)) {
		r->memory.no_memory = true;
		return;
	}
	for (size_t i = 0; i < r->held_count && !r->memory.no_memory; i++) {
		const struct trust_file *f = r->held[i].file;

		m.held = &r->held[i];
		m.full = m.has_lost_scope = false;
		for (size_t c = 0; c < f->count && !r->memory.no_memory; c++)
			add_cert(&m, &f->cert[c]);
		if (m.full)
			reading_problem(r, TRUSTDIR_ERROR, f->seen.path,
					"all files together have more than 4096 certificates; the "
					"others are ignored");
		if (m.has_lost_scope)
			reading_problem(r, TRUSTDIR_ERROR, f->seen.path,
					"a certificate in it already has 64 scopes, the maximum, "
					"so this scope is ignored");
	}
	free(m.index.slot);
}

static bool same_scopes(const struct anchor *a, const struct anchor *b)
{
	if ((a->scopes == NULL) != (b->scopes == NULL))
		return false;
	for (const struct scope_list *l = a->scopes; l != NULL; l = l->next)
		if (!has_scope(b, &l->scope))
			return false;
	for (const struct scope_list *l = b->scopes; l != NULL; l = l->next)
		if (!has_scope(a, &l->scope))
			return false;
	return true;
}

/* guess: the index to try first. */
static const struct anchor *find_anchor(const struct anchors *all, const struct anchor *a,
					size_t guess)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct anchor *one = &all->anchor[(guess + i) % all->count];

		if (is_cert(one, a->der, a->der_len))
			return one;
	}
	return NULL;
}

bool trustdir_same(const struct anchors *a, const struct anchors *b)
{
	size_t guess = 0;

	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++, guess++) {
		const struct anchor *other = find_anchor(b, &a->anchor[i], guess);

		if (other == NULL || !same_scopes(&a->anchor[i], other))
			return false;
		guess = (size_t)(other - b->anchor);
	}
	return true;
}

bool trustdir_same_problems(const struct anchors *a, const struct anchors *b)
{
	if (a->problem_count != b->problem_count)
		return false;
	for (size_t i = 0; i < a->problem_count; i++)
		if (strcmp(a->problem[i].text, b->problem[i].text) != 0)
			return false;
	return true;
}
