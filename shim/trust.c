/* SPDX-License-Identifier: Apache-2.0 */
#include "trust.h"

#include "edition.h"
#include "log.h"
#include "text.h"

#include <openssl/obj_mac.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/*
 * OpenSSL reads an object of a store after it has given the lock back: it counts a reference up and
 * then copies the pointer (X509_STORE_CTX_get_by_subject). Where attach.c swaps one certificate of
 * ours for another between the two, the reference is one short. So all of ours have some to spare.
 */
static void add_references(const struct crypto *c, X509 *cert)
{
	enum { TO_SPARE = 1000 };

	for (int i = 0; cert != NULL && i < TO_SPARE; i++)
		c->api.X509_up_ref(cert);
}

const struct trust *trust_present(const struct crypto *crypto)
{
	return atomic_load_explicit(&crypto->trust, memory_order_acquire);
}

struct trust_anchor *trust_find(const struct trust *trust, const X509 *cert)
{
	for (size_t i = 0; i < trust->count; i++)
		if (trust->anchor[i]->cert == cert)
			return trust->anchor[i];
	return NULL;
}

/* By name first, which is cheap. */
static struct trust_anchor *find_equal(const struct crypto *c, struct trust_anchor *const *anchor,
				       size_t count, const X509 *cert)
{
	const X509_NAME *subject = c->api.X509_get_subject_name(cert);

	for (size_t i = 0; i < count; i++) {
		const X509 *other = anchor[i]->cert;

		if (other == cert ||
		    (c->api.X509_NAME_cmp(c->api.X509_get_subject_name(other), subject) == 0 &&
		     c->api.X509_cmp(other, cert) == 0))
			return anchor[i];
	}
	return NULL;
}

struct trust_anchor *trust_find_equal(const struct crypto *crypto, const struct trust *trust,
				      const X509 *cert)
{
	return find_equal(crypto, trust->anchor, trust->count, cert);
}

bool trust_is_ours(const struct trust *trust, const X509 *cert)
{
	for (size_t i = 0; i < trust->ever_count; i++)
		if (trust->ever[i]->cert == cert)
			return true;
	return false;
}

/* With its trust settings, if it has any. To be freed with CRYPTO_free. */
static unsigned char *encode(const struct crypto *c, X509 *cert, int *ret_len)
{
	unsigned char *der = NULL;

	*ret_len = c->api.i2d_X509_AUX(cert, &der);
	return *ret_len > 0 ? der : NULL;
}

X509 *trust_copy(const struct crypto *crypto, const struct trust *trust, X509 *cert)
{
	struct trust_anchor *a = find_equal(crypto, trust->ever, trust->ever_count, cert);
	bool plain = !crypto->api.X509_trusted(cert);
	unsigned char *der = NULL, *known_der = NULL;
	const unsigned char *at;
	int len = 0, known_len = 0;
	_Atomic(X509 *) *slot;
	X509 *known, *mine, *ret = NULL;

	if (a == NULL)
		return NULL;
	slot = plain ? &a->plain : &a->aux;
	known = atomic_load_explicit(slot, memory_order_acquire);
	if (plain && known != NULL)
		return known;
	at = der = encode(crypto, cert, &len);
	if (der == NULL)
		return NULL;
	if (known == NULL) {
		mine = crypto->api.d2i_X509_AUX(NULL, &at, len);
		add_references(crypto, mine);
		/* Another thread's may be first; mine is too well referenced to be freed, and rare.
		 */
		if (mine != NULL && atomic_compare_exchange_strong(slot, &known, mine))
			known = mine;
	}
	if (known != NULL)
		known_der = encode(crypto, known, &known_len);
	if (known_der != NULL && len == known_len && memcmp(der, known_der, (size_t)len) == 0)
		ret = known;
	crypto->api.CRYPTO_free(known_der, __FILE__, __LINE__);
	crypto->api.CRYPTO_free(der, __FILE__, __LINE__);
	return ret;
}

bool trust_is_former(const struct trust *trust, const X509 *cert)
{
	return trust_find(trust, cert) == NULL && trust_is_ours(trust, cert);
}

/* What an anchor stands on is never freed once it was handed out: it is used without locks. */
static void *copy(const void *data, size_t len)
{
	void *mine = malloc(len);

	return mine == NULL ? NULL : memcpy(mine, data, len);
}

static X509 *parse_cert(const struct crypto *c, const struct anchor *a)
{
	const unsigned char *at = a->der;
	X509 *cert = a->der_len > LONG_MAX ? NULL : c->api.d2i_X509(NULL, &at, (long)a->der_len);

	if (cert == NULL || at != a->der + a->der_len ||
	    c->api.X509_add1_trust_object(cert, c->api.OBJ_nid2obj(NID_server_auth)) != 1) {
		c->api.X509_free(cert);
		return NULL;
	}
	return cert;
}

/*
 * Scopes as OpenSSL's own NAME_CONSTRAINTS, by way of an extension: the ASN1_ITEM of the type is a
 * variable in 1.1.1 and a function since 3.0.
 */
static bool make_scope(const struct crypto *c, const struct scope_list *scopes,
		       struct trust_anchor *to)
{
	enum { DER_MAX = TRUSTDIR_MAX_SCOPES * 280 };
	const struct scope *all[TRUSTDIR_MAX_SCOPES];
	size_t count = 0, len;
	unsigned char *der = malloc(DER_MAX);
	ASN1_OCTET_STRING *value = c->api.ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension = NULL;

	for (; scopes != NULL && count < TRUSTDIR_MAX_SCOPES; scopes = scopes->next)
		all[count++] = &scopes->scope;
	len = der == NULL ? 0 : scope_constraints(all, count, der, DER_MAX);
	if (len > 0 && value != NULL && c->api.ASN1_OCTET_STRING_set(value, der, (int)len) == 1)
		extension =
			c->api.X509_EXTENSION_create_by_NID(NULL, NID_name_constraints, 1, value);
	if (extension != NULL)
		to->scope = c->api.X509V3_EXT_d2i(extension);
	to->scopes = calloc(count, sizeof(*to->scopes));
	for (size_t i = 0; to->scopes != NULL && i < count; i++)
		to->scopes[i] = *all[i];
	to->scope_count = count;
	c->api.X509_EXTENSION_free(extension);
	c->api.ASN1_OCTET_STRING_free(value);
	free(der);
	return to->scope != NULL && to->scopes != NULL;
}

static struct trust_anchor *find_der(const struct trust *t, const unsigned char *der, size_t len)
{
	for (size_t i = 0; t != NULL && i < t->ever_count; i++)
		if (t->ever[i]->der_len == len && memcmp(t->ever[i]->der, der, len) == 0)
			return t->ever[i];
	return NULL;
}

bool trust_knows_der(const struct trust *trust, const unsigned char *der, size_t len)
{
	return find_der(trust, der, len) != NULL;
}

static bool same_scopes(const struct trust_anchor *a, const struct scope_list *scopes)
{
	size_t i = 0;

	for (; scopes != NULL && i < a->scope_count; scopes = scopes->next, i++)
		if (!scope_equal(&scopes->scope, &a->scopes[i]))
			return false;
	return scopes == NULL && i == a->scope_count;
}

/* Frees what an anchor does not share with old, the same certificate in an earlier generation. */
static void free_anchor(const struct crypto *c, const struct trust_anchor *old,
			struct trust_anchor *a)
{
	if (a == NULL || a == old)
		return;
	if (old == NULL || a->scope != old->scope)
		c->api.NAME_CONSTRAINTS_free(a->scope);
	if (old == NULL || a->scopes != old->scopes)
		free(a->scopes);
	if (old == NULL || a->file != old->file)
		free(a->file);
	if (old == NULL) {
		c->api.X509_free(a->cert);
		free(a->der);
	}
	free(a);
}

static bool fill_anchor(const struct crypto *c, const struct anchor *from,
			const struct trust_anchor *old, struct trust_anchor *to)
{
	if (old == NULL) {
		to->der = copy(from->der, from->der_len);
		to->cert = to->der == NULL ? NULL : parse_cert(c, from);
		if (to->cert == NULL)
			return false;
		to->der_len = from->der_len;
		to->name_hash = c->api.X509_subject_name_hash(to->cert);
	} else {
		/* One that comes back is the X509 that it was: stores still have it. */
		*to = (struct trust_anchor){.cert = old->cert,
					    .scope = old->scope,
					    .scopes = old->scopes,
					    .scope_count = old->scope_count,
					    .name_hash = old->name_hash,
					    .der = old->der,
					    .der_len = old->der_len,
					    .file = old->file};
		atomic_init(&to->plain, atomic_load(&old->plain));
		atomic_init(&to->aux, atomic_load(&old->aux));
		atomic_init(&to->used, atomic_load(&old->used));
	}
	to->line = from->line;
	if (!same_scopes(to, from->scopes)) {
		to->scope = NULL;
		to->scopes = NULL;
		to->scope_count = 0;
		if (from->scopes != NULL && !make_scope(c, from->scopes, to))
			return false;
	}
	if (to->file == NULL || strcmp(to->file, from->file) != 0)
		to->file = copy(from->file, strlen(from->file) + 1);
	return to->file != NULL;
}

/* The anchor of the generation before, if nothing has changed, or another one; NULL: there is none.
 */
static struct trust_anchor *make_anchor(const struct crypto *c, const struct anchor *from,
					const struct trust *before, uint64_t generation)
{
	struct trust_anchor *old = find_der(before, from->der, from->der_len), *a;
	bool was_there = old != NULL && trust_find(before, old->cert) != NULL;

	if (was_there && same_scopes(old, from->scopes) && old->line == from->line &&
	    strcmp(old->file, from->file) == 0)
		return old;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return NULL;
	if (!fill_anchor(c, from, old, a)) {
		free_anchor(c, old, a);
		return NULL;
	}
	a->since = was_there ? old->since : generation;
	return a;
}

static void trust_free(const struct crypto *c, struct trust *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; t->anchor != NULL && i < t->count; i++)
		free_anchor(c, find_der(t->before, t->anchor[i]->der, t->anchor[i]->der_len),
			    t->anchor[i]);
	free(t->anchor);
	free(t->ever);
	free(t);
}

/* Remembers when a certificate becomes valid. */
static void wait_for(const struct crypto *c, const X509 *cert)
{
	int days = 0, seconds = 0;

	if (c->api.ASN1_TIME_diff(&days, &seconds, NULL, c->api.X509_get0_notBefore(cert)) != 1)
		return;
	edition_again_at(edition_now() + (int64_t)days * 86400 + seconds);
}

/*
 * What is out of date is no anchor: nothing can be trusted by it, and it would stand before a
 * renewed certificate of the same name that the server sends.
 */
static bool is_in_date(const struct crypto *c, const X509 *cert)
{
	if (c->api.X509_cmp_current_time(c->api.X509_get0_notAfter(cert)) <= 0)
		return false;
	if (c->api.X509_cmp_current_time(c->api.X509_get0_notBefore(cert)) < 0)
		return true;
	wait_for(c, cert);
	return false;
}

/* Among all that ever were, in the place of the same certificate if there is one. */
static void note_ever(struct trust *t, struct trust_anchor *a)
{
	size_t i = 0;

	while (i < t->ever_count && t->ever[i]->cert != a->cert)
		i++;
	t->ever[i] = a;
	if (i == t->ever_count)
		t->ever_count++;
}

static struct trust *make_trust(const struct crypto *c, const struct edition *e,
				const struct trust *before)
{
	size_t ever = before == NULL ? 0 : before->ever_count, count = e->anchors->count;
	struct trust *t = calloc(1, sizeof(*t));
	struct trust_anchor **all;

	if (t == NULL)
		return NULL;
	t->generation = e->generation;
	t->before = before;
	t->anchor = calloc(count + 1, sizeof(struct trust_anchor *));
	t->ever = calloc(ever + count + 1, sizeof(struct trust_anchor *));
	if (t->anchor == NULL || t->ever == NULL) {
		trust_free(c, t);
		return NULL;
	}
	if (ever > 0)
		memcpy(t->ever, before->ever, ever * sizeof(struct trust_anchor *));
	t->ever_count = ever;
	for (size_t i = 0; i < count; i++) {
		const struct anchor *from = &e->anchors->anchor[i];
		struct trust_anchor *a = make_anchor(c, from, before, t->generation);

		if (a == NULL) {
			binding_work_forget(c);
		} else if (!is_in_date(c, a->cert)) {
			free_anchor(c, find_der(before, from->der, from->der_len), a);
		} else {
			t->anchor[t->count++] = a;
			note_ever(t, a);
		}
	}
	/* Most of them were there before, and it is kept for good. */
	all = realloc(t->ever, (t->ever_count + 1) * sizeof(struct trust_anchor *));
	if (all != NULL)
		t->ever = all;
	return t;
}

/* Told by the one thread whose reading counts. What is out of date is for catrust list to say. */
static void tell_unusable(const struct crypto *c, const struct trust *t,
			  const struct anchors *anchors)
{
	for (size_t i = 0; t->count < anchors->count && i < anchors->count; i++) {
		const struct anchor *a = &anchors->anchor[i];
		const struct trust_anchor *there = find_der(t, a->der, a->der_len);
		char number[24] = "";
		struct text line = TEXT(number);
		X509 *cert;

		if (there != NULL && trust_find(t, there->cert) != NULL)
			continue;
		cert = parse_cert(c, a);
		if (cert == NULL)
			binding_work_forget(c);
		if (a->line > 0)
			text_add_uint(&line, a->line);
		log_line(cert == NULL ? LOG_ERROR : LOG_INFO, a->file, a->line > 0 ? ": line " : "",
			 number,
			 cert == NULL ? ": not a certificate that OpenSSL can read, skipped"
				      : ": expired or not yet valid, skipped");
		c->api.X509_free(cert);
	}
}

const struct trust *trust_get(struct crypto *crypto)
{
	struct trust *known, *before, *mine;
	const struct edition *e;

	edition_refresh();
	known = before = atomic_load_explicit(&crypto->trust, memory_order_acquire);
	e = edition_enter();
	if (e != NULL && (known == NULL || known->generation < e->generation)) {
		mine = make_trust(crypto, e, before);
		if (mine != NULL && atomic_compare_exchange_strong(&crypto->trust, &known, mine)) {
			known = mine;
			for (size_t i = 0; i < mine->count; i++)
				if (before == NULL || !trust_is_ours(before, mine->anchor[i]->cert))
					add_references(crypto, mine->anchor[i]->cert);
			tell_unusable(crypto, mine, e->anchors);
		} else {
			trust_free(crypto, mine);
		}
	}
	edition_leave();
	return known != NULL && known->ever_count > 0 ? known : NULL;
}
