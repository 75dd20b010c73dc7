/* SPDX-License-Identifier: Apache-2.0 */
#include "load/deferred.h"

#include "process/config.h"
#include "process/dl.h"

#include <errno.h>
#include <stdlib.h>

#include "openssl/openssl_calls.h"

/* A deferred load into a store. The store's lookup owns it. */
struct deferred {
	struct decoded *file; /* a reference */
	atomic_bool asked;    /* OpenSSL has looked for a certificate */
	atomic_uint again;    /* how often the program loaded the file again before that */
	atomic_bool ended;    /* all certificates are in the store */
};

/* ---- What a store is ---- */

/* The store's ex_data: NULL, a struct deferred, or this. Accessed under the store's own lock, since
 * setting ex_data may move it. */
static const char fresh;

/*
 * How many stores have a state, by a hash of their addresses. A store that can't have one is not
 * locked: where OpenSSL takes no lock, the program may hold it, or a fork may have left it locked.
 */
static atomic_uint stores[1024];

static atomic_uint *count_of(const X509_STORE *store)
{
	return &stores[((uintptr_t)store >> 4 ^ (uintptr_t)store >> 14) % 1024];
}

/* OpenSSL calls it for each store that it frees. */
static void free_state(void *store, void *state, CRYPTO_EX_DATA *data, int index, long argl,
		       void *argp)
{
	(void)data;
	(void)index;
	(void)argl;
	(void)argp;
	if (state != NULL)
		atomic_fetch_sub(count_of(store), 1);
}

static const void *state_of(const struct crypto *c, X509_STORE *store)
{
	int index = atomic_load_explicit(&c->deferred_index, memory_order_acquire);
	const void *state = NULL;

	if (store != NULL && index >= 0 && atomic_load(count_of(store)) > 0 &&
	    X509_STORE_lock(store)) {
		state = X509_STORE_get_ex_data(store, index);
		X509_STORE_unlock(store);
	}
	return state;
}

/* Replaces one state by another; false: the state was not from, or there is no memory. */
static bool change_state(const struct crypto *c, X509_STORE *store, const void *from,
			 const void *to)
{
	int index = atomic_load_explicit(&c->deferred_index, memory_order_acquire);
	bool changed = false;

	if (store != NULL && index >= 0 && X509_STORE_lock(store)) {
		changed = X509_STORE_get_ex_data(store, index) == from &&
			  X509_STORE_set_ex_data(store, index, (void *)(uintptr_t)to) == 1;
		if (changed && from == NULL)
			atomic_fetch_add(count_of(store), 1);
		if (changed && to == NULL)
			atomic_fetch_sub(count_of(store), 1);
		X509_STORE_unlock(store);
	}
	return changed;
}

static struct deferred *deferred_of(const struct crypto *c, X509_STORE *store)
{
	const void *state = state_of(c, store);

	return state == &fresh ? NULL : (struct deferred *)(uintptr_t)state;
}

/* ---- All of it ---- */

/* Since 4.0, a store is a hash table, and lists its objects in the order of their arrival. */
static bool has_table(const struct crypto *c)
{
	return OpenSSL_version_num() >= 0x40000000UL;
}

/* A search sorts the store's objects; this does the same. */
static void sort(const struct crypto *c, X509_STORE *store)
{
	if (!has_table(c) && X509_STORE_lock(store)) {
		OPENSSL_sk_sort((OPENSSL_STACK *)X509_STORE_get0_objects(store));
		X509_STORE_unlock(store);
	}
}

/*
 * Makes the store as if nothing had been deferred. If the store already has a certificate, OpenSSL
 * must find that out: 3.5 overlooks some if there are others with the same name, and then has them
 * twice.
 */
static bool fill(const struct crypto *c, struct deferred *d, X509_STORE *store)
{
	unsigned again = atomic_load(&d->again);

	if (!d->file->has_twins && again > 1)
		again = 1;
	if (!decoded_add_to(d->file, store))
		return false;
	for (; again > 0; again--)
		for (size_t i = 0; i < d->file->count; i++) {
			X509 *cert = decoded_cert(d->file, i);

			if (cert == NULL || X509_STORE_add_cert(store, cert) != 1)
				return false;
		}
	if (atomic_load(&d->asked))
		sort(c, store);
	return true;
}

/* ---- One name ---- */

/* What OpenSSL finds in the store for the name. */
static X509 *held(const struct crypto *c, X509_STORE *store, const X509_NAME *name)
{
	bool copied = has_table(c);
	STACK_OF(X509_OBJECT) *objects = NULL;
	const X509_OBJECT *object;
	X509 *cert;

	if (copied && X509_STORE_get1_objects == NULL)
		return NULL;
	if (!copied && !X509_STORE_lock(store))
		return NULL;
	objects = copied ? X509_STORE_get1_objects(store) : X509_STORE_get0_objects(store);
	object = X509_OBJECT_retrieve_by_subject(objects, X509_LU_X509, name);
	cert = object == NULL ? NULL : X509_OBJECT_get0_X509(object);
	if (copied)
		OPENSSL_sk_pop_free((OPENSSL_STACK *)objects,
				    (OPENSSL_sk_freefunc)X509_OBJECT_free);
	else
		X509_STORE_unlock(store);
	return cert;
}

/* The certificates whose name has the same number (plain_name()). */
struct matches {
	size_t count, first, last;
};

static struct matches search(const struct decoded *file, uint64_t name)
{
	struct matches m = {.count = 0};

	for (size_t i = 0; i < file->count; i++)
		if (file->cert[i].plain.name == name) {
			m.first = m.count++ == 0 ? i : m.first;
			m.last = i;
		}
	return m;
}

static bool is_named(const struct crypto *c, const X509 *cert, const X509_NAME *name)
{
	return cert != NULL && X509_NAME_cmp(X509_get_subject_name(cert), name) == 0;
}

/* Adds all certificates of a name to the store, and also those that must come first to get the
 * right order. */
static bool add(const struct crypto *c, struct deferred *d, X509_STORE *store,
		const struct matches *m)
{
	/* When OpenSSL sorts, only glibc's qsort() keeps those of one name in their order. */
	if (!has_table(c) && d->file->has_twins &&
	    (m->count > 1 || atomic_load(&d->again) > 0 || dl_is_musl()))
		return fill(c, d, store);
	for (size_t i = has_table(c) ? 0 : m->first; i <= m->last; i++) {
		X509 *cert = decoded_cert(d->file, i);

		if (cert == NULL || X509_STORE_add_cert(store, cert) != 1)
			return false;
	}
	return true;
}

/* Finds what OpenSSL would have found in the store; then the store has it. */
static X509 *find(const struct crypto *c, struct deferred *d, X509_STORE *store,
		  const X509_NAME *name)
{
	const unsigned char *der;
	struct matches m;
	size_t len;

	/* OpenSSL did not find it, but it may be there now. Or a program that has the store may
	 * have taken certificates out of it. */
	if (atomic_load(&d->ended))
		return held(c, store, name);
	if (X509_NAME_get0_der((X509_NAME *)(uintptr_t)name, &der, &len) != 1)
		return NULL;
	m = search(d->file, plain_name(der, len));
	if (m.count == 0 || (m.count == 1 && !is_named(c, decoded_cert(d->file, m.first), name)))
		return NULL;
	return add(c, d, store, &m) ? held(c, store, name) : NULL;
}

/* ---- The lookup of a store ---- */

/* The lookup's method: OpenSSL calls it if a store lacks a certificate. Returns 1 and *ret, without
 * a reference of its own; 0: there is none. */
static int get_by_subject(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name,
			  X509_OBJECT *ret)
{
	struct crypto *c = binding_calling(__builtin_return_address(0));
	struct deferred *d = c == NULL ? NULL : X509_LOOKUP_get_method_data(lookup);
	int saved_errno = errno;
	struct binding_scope scope;
	X509 *cert = NULL;

	if (d == NULL)
		return 0;
	atomic_store(&d->asked, true);
	if (type == X509_LU_X509) {
		scope = binding_work_begin(c);
		cert = find(c, d, X509_LOOKUP_get_store(lookup), name);
		if (cert != NULL && X509_OBJECT_set1_X509(ret, cert) != 1)
			cert = NULL;
		/* The store still has its own reference. */
		X509_free(cert);
		binding_work_end(c, scope);
	}
	errno = saved_errno;
	return cert != NULL;
}

static void free_deferred(X509_LOOKUP *lookup)
{
	struct crypto *c = binding_calling(__builtin_return_address(0));
	struct deferred *d = c == NULL ? NULL : X509_LOOKUP_get_method_data(lookup);
	int saved_errno = errno;

	if (d != NULL) {
		decoded_unref(d->file);
		free(d);
	}
	errno = saved_errno;
}

/* NULL: out of memory. */
static X509_LOOKUP_METHOD *method_of(struct crypto *c)
{
	X509_LOOKUP_METHOD *known = atomic_load(&c->deferred_method), *mine;

	if (known != NULL)
		return known;
	mine = X509_LOOKUP_meth_new("certificates of a file, decoded when they are asked for");
	if (mine == NULL)
		return NULL;
	if (X509_LOOKUP_meth_set_get_by_subject(mine, get_by_subject) == 1 &&
	    X509_LOOKUP_meth_set_free(mine, free_deferred) == 1 &&
	    atomic_compare_exchange_strong(&c->deferred_method, &known, mine))
		return mine;
	X509_LOOKUP_meth_free(mine);
	return known;
}

/* ---- Loads ---- */

/* Before 3.0, loading a key that can't be decoded leaves errors behind. From 4.1 on, it is not
 * known what OpenSSL does with a store. */
enum { FIRST = 0x30000000, UNKNOWN = 0x40100000 };

/* How many further loads of the same file are only counted. */
enum { AGAIN_MAX = 64 };

void deferred_begin(struct crypto *c, X509_STORE *store)
{
	int index;

	if (config_is(SET_NO_SHARE | SET_EAGER) || (c->lacks & SHARING) != 0 ||
	    OpenSSL_version_num() < FIRST || OpenSSL_version_num() >= UNKNOWN)
		return;
	index = binding_ex_index(c, &c->deferred_index, CRYPTO_EX_INDEX_X509_STORE, free_state);
	if (index >= 0)
		change_state(c, store, NULL, &fresh);
}

void deferred_stop(struct crypto *c, X509_STORE *store)
{
	if (state_of(c, store) == &fresh)
		change_state(c, store, &fresh, NULL);
}

void deferred_end(struct crypto *c, X509_STORE *store)
{
	struct deferred *d;
	struct binding_scope scope;

	deferred_stop(c, store);
	d = deferred_of(c, store);
	if (d == NULL)
		return;
	scope = binding_work_begin(c);
	if (fill(c, d, store)) {
		atomic_store(&d->ended, true);
		change_state(c, store, d, NULL);
	}
	binding_work_end(c, scope);
}

bool deferred_put(struct crypto *c, X509_STORE *store, struct decoded *file)
{
	X509_LOOKUP_METHOD *method;
	X509_LOOKUP *lookup;
	struct deferred *d;

	if (file->der == NULL || state_of(c, store) != &fresh)
		return false;
	method = method_of(c);
	d = method == NULL ? NULL : calloc(1, sizeof(*d));
	if (d == NULL)
		return false;
	lookup = c->real.X509_STORE_add_lookup(store, method);
	if (lookup == NULL || !change_state(c, store, &fresh, d)) {
		free(d);
		return false;
	}
	decoded_ref(file);
	d->file = file;
	X509_LOOKUP_set_method_data(lookup, d);
	return true;
}

bool deferred_again(struct crypto *c, X509_STORE *store, const struct decoded *file)
{
	struct deferred *d = deferred_of(c, store);

	if (d == NULL || d->file != file)
		return false;
	/* OpenSSL has sorted, so another load would find all certificates there. */
	if (atomic_load(&d->asked))
		return true;
	return atomic_fetch_add(&d->again, 1) < AGAIN_MAX;
}
