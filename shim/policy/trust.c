/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/trust.h"

#include "openssl/context.h"
#include "x509/der.h"
#include "x509/sound.h"

#include <openssl/obj_mac.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "openssl/openssl_calls.h"

void trust_anchor_ref(struct trust_anchor *a)
{
	atomic_fetch_add(&a->references, 1);
}

void trust_anchor_unref(const struct crypto *c, struct trust_anchor *a)
{
	if (a == NULL || atomic_fetch_sub(&a->references, 1) > 1)
		return;
	X509_free(atomic_load(&a->decoded));
	X509_NAME_free(a->name);
	free(a->scopes);
	free(a->der);
	free(a->file);
	free(a);
}

static void *copy(const void *data, size_t len)
{
	void *mine = malloc(len);

	return mine == NULL ? NULL : memcpy(mine, data, len);
}

/* Was the data invalid? Memory may have been short for a moment, so a second try tells. */
static bool has_memory(void)
{
	enum { AMPLE = 1 << 16 };
	void *volatile probe = malloc(AMPLE);

	free(probe);
	return probe != NULL;
}

static X509 *decode(struct crypto *c, const struct trust_anchor *a)
{
	const unsigned char *at = a->der;
	OSSL_LIB_CTX *before = context_enter_for_anchors(c);
	X509 *cert = d2i_X509(NULL, &at, (long)a->der_len);

	/*
	 * X509_check_purpose() fills the cache of extensions now, because several threads may use
	 * this object. If there is no memory, OpenSSL treats the certificate as invalid from then
	 * on, or as one that has no key.
	 */
	if (cert == NULL || at != a->der + a->der_len ||
	    X509_add1_trust_object(cert, OBJ_nid2obj(NID_server_auth)) != 1 ||
	    X509_check_purpose(cert, -1, 0) != 1 || X509_get0_pubkey(cert) == NULL) {
		X509_free(cert);
		cert = NULL;
	}
	context_leave(c, before);
	return cert;
}

X509 *trust_cert(struct crypto *c, struct trust_anchor *a)
{
	X509 *known = atomic_load_explicit(&a->decoded, memory_order_acquire), *mine;

	if (known != NULL)
		return known;
	mine = decode(c, a);
	if (mine == NULL && (atomic_load(&a->used) & ANCHOR_UNREADABLE) == 0)
		mine = decode(c, a);
	if (mine == NULL) {
		binding_work_forget(c);
		if (has_memory() &&
		    (atomic_fetch_or(&a->used, ANCHOR_UNREADABLE) & ANCHOR_UNREADABLE) == 0)
			trust_tell_unreadable(a->file, a->line);
		return NULL;
	}
	if (atomic_compare_exchange_strong(&a->decoded, &known, mine))
		return mine;
	X509_free(mine);
	return known;
}

static bool copy_scopes(const struct scope_list *scopes, struct trust_anchor *to)
{
	size_t count = 0;

	for (const struct scope_list *l = scopes; l != NULL; l = l->next)
		count++;
	to->scopes = calloc(count, sizeof(*to->scopes));
	for (size_t i = 0; to->scopes != NULL && i < count; scopes = scopes->next)
		to->scopes[i++] = scopes->scope;
	to->scope_count = count;
	return to->scopes != NULL;
}

/* Reads the name and the dates. Returns 0; -EINVAL if it is not a certificate; -ENOMEM. */
static int read_subject(const struct crypto *c, struct trust_anchor *a)
{
	const unsigned char *at;
	struct span name, validity;

	if (a->der_len > LONG_MAX || !der_subject(a->der, a->der_len, &validity, &name))
		return -EINVAL;
	if (!sound_dates(validity, &a->from, &a->until))
		a->from = a->until = 0;
	for (int i = 0; i < 2; i++) {
		at = name.at;
		a->name = d2i_X509_NAME(NULL, &at, (long)name.len);
		if (a->name != NULL)
			return 0;
		binding_work_forget(c);
	}
	return sound_name(name.at, name.len) || !has_memory() ? -ENOMEM : -EINVAL;
}

/* Returns 0 and *ret, or the errors of read_subject(). */
static int anchor_new(const struct crypto *c, const struct anchor *from, struct trust_anchor **ret)
{
	struct trust_anchor *a = calloc(1, sizeof(*a));
	int error = -ENOMEM;

	if (a == NULL)
		return -ENOMEM;
	atomic_init(&a->references, 1);
	a->der = copy(from->der, from->der_len);
	a->der_len = from->der_len;
	a->file = copy(from->file, strlen(from->file) + 1);
	a->line = from->line;
	if (a->der == NULL || a->file == NULL)
		goto fail;
	error = read_subject(c, a);
	if (error == 0 && from->scopes != NULL && !copy_scopes(from->scopes, a))
		error = -ENOMEM;
	if (error != 0)
		goto fail;
	*ret = a;
	return 0;
fail:
	trust_anchor_unref(c, a);
	return error;
}

static bool same_scopes(const struct trust_anchor *a, const struct scope_list *scopes)
{
	size_t i = 0;

	for (; scopes != NULL && i < a->scope_count; scopes = scopes->next, i++)
		if (!scope_equal(&scopes->scope, &a->scopes[i]))
			return false;
	return scopes == NULL && i == a->scope_count;
}

struct trust_anchor *trust_find_same(const struct trust *t, const struct anchor *from)
{
	for (size_t i = 0; t != NULL && i < t->count; i++) {
		struct trust_anchor *a = t->anchor[i];

		if (a->der_len == from->der_len && memcmp(a->der, from->der, a->der_len) == 0 &&
		    same_scopes(a, from->scopes) && a->line == from->line &&
		    strcmp(a->file, from->file) == 0)
			return a;
	}
	return NULL;
}

/* The number of anchors that come before a name; if after is set, including those of that name. */
static size_t place_of(const struct trust *t, const X509_NAME *name, bool after)
{
	const struct crypto *c = t->crypto;
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = X509_NAME_cmp(t->anchor[middle]->name, name);

		if (order < 0 || (after && order == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void insert(struct trust *t, struct trust_anchor *a)
{
	size_t at = place_of(t, a->name, true);

	memmove(&t->anchor[at + 1], &t->anchor[at],
		(t->count - at) * sizeof(struct trust_anchor *));
	t->anchor[at] = a;
	t->count++;
}

void trust_free(struct trust *t)
{
	for (size_t i = 0; i < t->count; i++)
		trust_anchor_unref(t->crypto, t->anchor[i]);
	free(t->anchor);
	free(t);
}

struct trust *trust_make(const struct crypto *c, const struct anchors *anchors,
			 const struct trust *before)
{
	struct trust *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->crypto = c;
	t->anchor = calloc(anchors->count + 1, sizeof(struct trust_anchor *));
	for (size_t i = 0; t->anchor != NULL && i < anchors->count; i++) {
		const struct anchor *from = &anchors->anchor[i];
		struct trust_anchor *a = trust_find_same(before, from);
		int error = 0;

		if (a != NULL)
			trust_anchor_ref(a);
		else
			error = anchor_new(c, from, &a);
		if (error == -ENOMEM)
			goto fail;
		if (error == 0)
			insert(t, a);
	}
	if (t->anchor != NULL)
		return t;
fail:
	trust_free(t);
	return NULL;
}

struct trust_anchor *const *trust_find(const struct trust *trust, const X509_NAME *name,
				       size_t *ret_count)
{
	size_t first = place_of(trust, name, false);

	*ret_count = first < trust->count ? place_of(trust, name, true) - first : 0;
	return trust->anchor + first;
}
