/* SPDX-License-Identifier: Apache-2.0 */
#include "load/decoded.h"

#include "libc/compat.h"
#include "libc/io.h"
#include "openssl/context.h"

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

/* ---- What a program may change ---- */

/* One number for everything that the setters of x509.h can change, in all certificates. */
struct digest {
	const struct crypto *crypto;
	uint64_t value;
};

/* Inline, because it runs for each certificate of each load. */
#define INLINE static inline __attribute__((always_inline))

INLINE void mix(struct digest *d, uint64_t value)
{
	d->value = (d->value ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	d->value ^= d->value >> 32;
}

INLINE void mix_pointer(struct digest *d, const void *pointer)
{
	mix(d, (uintptr_t)pointer);
}

/* The length and both ends; not the address, because a setter may reuse the memory. */
static void mix_string(struct digest *d, const ASN1_STRING *string)
{
	const unsigned char *data = d->crypto->api.ASN1_STRING_get0_data(string);
	size_t len = (size_t)d->crypto->api.ASN1_STRING_length(string);
	uint64_t first = 0, last = 0;

	if (len >= sizeof(first)) {
		memcpy(&first, data, sizeof(first));
		memcpy(&last, data + len - sizeof(last), sizeof(last));
	} else if (len > 0) {
		memcpy(&first, data, len);
	}
	mix(d, first ^ len);
	mix(d, last);
}

INLINE void mix_name(struct digest *d, const X509_NAME *name)
{
	mix_pointer(d, name);
	mix(d, (uint64_t)d->crypto->api.X509_NAME_entry_count(name));
}

static void mix_cert(struct digest *d, X509 *cert)
{
	const struct crypto *c = d->crypto;
	const OPENSSL_STACK *extensions = (const OPENSSL_STACK *)c->api.X509_get0_extensions(cert);
	const ASN1_BIT_STRING *signature = NULL;
	int len = 0;

	mix_name(d, c->api.X509_get_subject_name(cert));
	mix_name(d, c->api.X509_get_issuer_name(cert));
	mix_pointer(d, c->api.X509_get_X509_PUBKEY(cert));
	mix_pointer(d, extensions);
	mix(d, (uint64_t)c->api.OPENSSL_sk_num(extensions));
	mix_string(d, c->api.X509_get0_serialNumber(cert));
	mix_string(d, c->api.X509_get0_notBefore(cert));
	mix_string(d, c->api.X509_get0_notAfter(cert));
	c->api.X509_get0_signature(&signature, NULL, cert);
	mix_string(d, signature);
	/* The data that OpenSSL keeps next to a certificate. */
	mix_pointer(d, c->api.X509_alias_get0(cert, &len));
	mix_pointer(d, c->api.X509_keyid_get0(cert, &len));
	mix_pointer(d, c->api.X509_get0_trust_objects(cert));
	mix_pointer(d, c->api.X509_get0_reject_objects(cert));
}

static uint64_t state_of(const struct crypto *c, X509 *cert)
{
	struct digest digest = {.crypto = c};

	mix_cert(&digest, cert);
	return digest.value;
}

/* ---- One certificate ---- */

/* One decoding of a certificate. If a program has changed it, it is kept, because others may have
 * got it without a reference of their own. */
struct version {
	struct version *before;
	X509 *cert;
	uint64_t state; /* of everything that a program's call could change in it */
	bool has_key;	/* the key could be decoded */
	bool is_whole;	/* so could the extensions */
};

static bool is_unchanged(const struct crypto *c, const struct version *v)
{
	return v != NULL && state_of(c, v->cert) == v->state;
}

/* OpenSSL fills a certificate's cache of extensions at the first question about them. Threads that
 * share the certificate would race for it, so it is filled now. Takes cert; NULL: out of memory. */
static struct version *version_new(const struct crypto *c, X509 *cert)
{
	struct version *v = cert == NULL ? NULL : calloc(1, sizeof(*v));

	if (v == NULL) {
		c->api.X509_free(cert);
		return NULL;
	}
	v->cert = cert;
	v->is_whole = c->api.X509_check_purpose(cert, -1, 0) == 1;
	v->has_key = c->api.X509_get0_pubkey(cert) != NULL;
	v->state = state_of(c, cert);
	return v;
}

static void version_free(const struct crypto *c, struct version *v)
{
	while (v != NULL) {
		struct version *before = v->before;

		c->api.X509_free(v->cert);
		free(v);
		v = before;
	}
}

/* A certificate that lacks its key or its extensions would lack them in all stores. Memory may have
 * been short for a moment, so it is decoded again: what it lacks twice is invalid in the file. */
static struct version *version_decode(const struct crypto *c, const struct plain_cert *plain)
{
	OSSL_LIB_CTX *before = context_enter(c);
	struct version *v = NULL;

	for (int last = 0; v == NULL && last < 2; last++) {
		const unsigned char *at = plain->der;

		v = version_new(c, c->api.d2i_X509(NULL, &at, (long)plain->len));
		if (v != NULL && last == 0 && !(v->has_key && v->is_whole)) {
			version_free(c, v);
			v = NULL;
		}
	}
	context_leave(c, before);
	return v;
}

/* An unchanged one; NULL: it can't be decoded now, or the file is not plain. */
static struct version *version_of(struct decoded *d, size_t i)
{
	struct version *known = atomic_load(&d->cert[i].version), *mine;

	if (is_unchanged(d->crypto, known))
		return known;
	if (d->cert[i].plain.der == NULL)
		return NULL;
	mine = version_decode(d->crypto, &d->cert[i].plain);
	if (mine == NULL)
		return NULL;
	mine->before = known;
	if (atomic_compare_exchange_strong(&d->cert[i].version, &known, mine))
		return mine;
	/* Another thread has just set one. */
	mine->before = NULL;
	version_free(d->crypto, mine);
	return known;
}

X509 *decoded_cert(struct decoded *d, size_t i)
{
	struct version *v = version_of(d, i);

	return v == NULL ? NULL : v->cert;
}

bool decoded_all(struct decoded *d)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct version *v = version_of(d, i);

		if (v == NULL || !v->has_key)
			return false;
	}
	return true;
}

bool decoded_is_usable(const struct decoded *d)
{
	for (size_t i = 0; d->der == NULL && i < d->count; i++)
		if (!is_unchanged(d->crypto, atomic_load(&d->cert[i].version)))
			return false;
	return true;
}

/* ---- From the file ---- */

struct decoded_file decoded_file_of(const struct stat *st)
{
	return (struct decoded_file){st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim};
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool decoded_same_file(const struct decoded_file *a, const struct decoded_file *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       same_time(&a->mtime, &b->mtime) && same_time(&a->ctime, &b->ctime);
}

/* Is there something that OpenSSL itself must read? In a file, a line with a NUL ends there;
 * private keys and passwords are none of our business. */
static bool is_odd(const char *data, size_t len)
{
	static const char *const words[] = {"PRIVATE KEY", "Proc-Type"};

	if (memchr(data, '\0', len) != NULL)
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (memmem(data, len, words[i], strlen(words[i])) != NULL)
			return true;
	return false;
}

/* The whole file, for free(); NULL: it can't be read, has changed, or is_odd(). */
static char *read_whole(int fd, const struct decoded_file *file)
{
	size_t size = (size_t)file->size;
	char *data = malloc(size + 1);
	struct decoded_file after;
	struct stat st;

	if (data == NULL)
		return NULL;
	if (io_read_all(fd, data, size + 1) != (ssize_t)size || compat_fstat(fd, &st) != 0)
		goto fail;
	after = decoded_file_of(&st);
	if (!decoded_same_file(file, &after) || is_odd(data, size))
		goto fail;
	return data;
fail:
	free(data);
	return NULL;
}

static OPENSSL_STACK *parse(const struct crypto *c, const char *data, size_t len)
{
	BIO *bio = c->api.BIO_new_mem_buf(data, (int)len);
	OPENSSL_STACK *infos;

	if (bio == NULL)
		return NULL;
	/* The last argument is the same as in by_file.c: no password is asked for. */
	infos = (OPENSSL_STACK *)c->api.PEM_X509_INFO_read_bio(bio, NULL, NULL,
							       (void *)(uintptr_t) "");
	c->api.BIO_free(bio);
	return infos;
}

/* Takes all certificates out of infos; false if there is anything else, or no memory. A key that
 * can't be decoded now may be decoded later. */
static bool take_certs(struct decoded *d, const OPENSSL_STACK *infos)
{
	int count = d->crypto->api.OPENSSL_sk_num(infos);

	for (int i = 0; i < count; i++) {
		X509_INFO *info = d->crypto->api.OPENSSL_sk_value(infos, i);
		struct version *v;

		if (info->x509 == NULL || info->crl != NULL || info->x_pkey != NULL ||
		    info->enc_data != NULL)
			return false;
		v = version_new(d->crypto, info->x509);
		info->x509 = NULL;
		if (v == NULL)
			return false;
		atomic_init(&d->cert[d->count++].version, v);
		if (!v->has_key)
			return false;
	}
	return true;
}

static struct decoded *decoded_new(const struct crypto *c, size_t count,
				   const struct decoded_file *file)
{
	struct decoded *d = calloc(1, sizeof(*d) + count * sizeof(d->cert[0]));

	if (d == NULL)
		return NULL;
	atomic_init(&d->references, 1);
	d->crypto = c;
	d->file = *file;
	return d;
}

static struct decoded *decode(const struct crypto *c, const char *data,
			      const struct decoded_file *file)
{
	OPENSSL_STACK *infos = parse(c, data, (size_t)file->size);
	int count = infos == NULL ? 0 : c->api.OPENSSL_sk_num(infos);
	struct decoded *d = NULL;

	if (count > 0 && count <= DECODED_MAX_CERTS)
		d = decoded_new(c, (size_t)count, file);
	if (d != NULL && !take_certs(d, infos)) {
		decoded_unref(d);
		d = NULL;
	}
	if (infos != NULL)
		c->api.OPENSSL_sk_pop_free(infos, (OPENSSL_sk_freefunc)c->api.X509_INFO_free);
	return d;
}

static bool has_twins(const struct plain_cert *certs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			if (certs[i].name == certs[j].name)
				return true;
	return false;
}

/* For a plain file: finds its certificates, and does not decode them yet. */
static struct decoded *index_plain(const struct crypto *c, const char *data,
				   const struct decoded_file *file)
{
	size_t len = (size_t)file->size, count = plain_count(data, len);
	struct plain_cert *certs = NULL;
	struct decoded *d = NULL;

	if (count == 0 || count > DECODED_MAX_CERTS)
		return NULL;
	certs = calloc(count, sizeof(*certs));
	d = decoded_new(c, count, file);
	if (certs == NULL || d == NULL)
		goto fail;
	d->der = malloc(len / 4 * 3 + 3);
	if (d->der == NULL || !plain_read(data, len, certs, count, d->der))
		goto fail;
	for (; d->count < count; d->count++)
		d->cert[d->count].plain = certs[d->count];
	d->has_twins = has_twins(certs, count);
	free(certs);
	return d;
fail:
	free(certs);
	if (d != NULL)
		decoded_unref(d);
	return NULL;
}

struct decoded *decoded_read(struct crypto *c, int fd, const struct decoded_file *file)
{
	char *data = read_whole(fd, file);
	struct decoded *d = NULL;

	if (data != NULL) {
		struct binding_scope scope = binding_work_begin(c);

		d = index_plain(c, data, file);
		if (d == NULL)
			d = decode(c, data, file);
		binding_work_end(c, scope);
	}
	free(data);
	return d;
}

void decoded_ref(struct decoded *d)
{
	atomic_fetch_add(&d->references, 1);
}

void decoded_unref(struct decoded *d)
{
	if (atomic_fetch_sub(&d->references, 1) > 1)
		return;
	for (size_t i = 0; i < d->count; i++)
		version_free(d->crypto, atomic_load(&d->cert[i].version));
	free(atomic_load(&d->order));
	free(d->der);
	free(d);
}

/* ---- Into a store ---- */

/* The certificates of an empty store after a load, in the store's order: OpenSSL sorts them, and
 * leaves out duplicates. */
struct order {
	size_t count;
	size_t index[];
};

/* Since 4.0, asking a store for its objects turns it into another, slower kind of store. */
static bool shows_objects(const struct crypto *c)
{
	return c->api.OpenSSL_version_num() < 0x40000000UL;
}

static size_t index_of(X509 *const *certs, size_t count, const X509 *cert)
{
	size_t i = 0;

	while (i < count && certs[i] != cert)
		i++;
	return i;
}

/* NULL if it can't be known. */
static struct order *order_new(const struct decoded *d, X509 *const *certs)
{
	const struct crypto *c = d->crypto;
	X509_STORE *store = c->api.X509_STORE_new();
	struct order *order = NULL;
	OPENSSL_STACK *objects;
	size_t count;

	if (store == NULL)
		return NULL;
	for (size_t i = 0; i < d->count; i++)
		if (c->api.X509_STORE_add_cert(store, certs[i]) != 1)
			goto out;
	objects = (OPENSSL_STACK *)c->api.X509_STORE_get0_objects(store);
	count = (size_t)c->api.OPENSSL_sk_num(objects);
	order = calloc(1, sizeof(*order) + count * sizeof(order->index[0]));
	if (order == NULL)
		goto out;
	for (; order->count < count; order->count++) {
		const X509_OBJECT *object = c->api.OPENSSL_sk_value(objects, (int)order->count);
		size_t i = index_of(certs, d->count, c->api.X509_OBJECT_get0_X509(object));

		if (i == d->count) {
			free(order);
			order = NULL;
			goto out;
		}
		order->index[order->count] = i;
	}
out:
	c->api.X509_STORE_free(store);
	return order;
}

static const struct order *order_of(struct decoded *d, X509 *const *certs)
{
	struct order *known = atomic_load(&d->order), *mine;

	if (known != NULL || !shows_objects(d->crypto))
		return known;
	mine = order_new(d, certs);
	if (mine == NULL || atomic_compare_exchange_strong(&d->order, &known, mine))
		return mine;
	free(mine);
	return known;
}

static bool push(const struct crypto *c, OPENSSL_STACK *objects, X509 *cert)
{
	X509_OBJECT *object = c->api.X509_OBJECT_new();

	if (object != NULL && c->api.X509_OBJECT_set1_X509(object, cert) == 1 &&
	    c->api.OPENSSL_sk_push(objects, object) > 0)
		return true;
	c->api.X509_OBJECT_free(object);
	return false;
}

/* Fills an empty store at once; OpenSSL would search for each certificate before adding it. */
static bool fill_empty(struct decoded *d, X509 *const *certs, X509_STORE *store)
{
	const struct crypto *c = d->crypto;
	const struct order *order = order_of(d, certs);
	OPENSSL_STACK *objects;
	bool filled;

	if (order == NULL || !c->api.X509_STORE_lock(store))
		return false;
	objects = (OPENSSL_STACK *)c->api.X509_STORE_get0_objects(store);
	filled = c->api.OPENSSL_sk_num(objects) == 0 &&
		 c->api.OPENSSL_sk_reserve(objects, (int)order->count) == 1;
	for (size_t i = 0; filled && i < order->count; i++)
		filled = push(c, objects, certs[order->index[i]]);
	c->api.X509_STORE_unlock(store);
	return filled;
}

bool decoded_add_to(struct decoded *d, X509_STORE *store)
{
	X509 **certs = calloc(d->count, sizeof(X509 *));
	bool added = certs != NULL;

	for (size_t i = 0; added && i < d->count; i++)
		added = (certs[i] = decoded_cert(d, i)) != NULL;
	if (added && !fill_empty(d, certs, store))
		for (size_t i = 0; added && i < d->count; i++)
			added = d->crypto->api.X509_STORE_add_cert(store, certs[i]) == 1;
	free(certs);
	return added;
}
