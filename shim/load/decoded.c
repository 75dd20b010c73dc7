/* SPDX-License-Identifier: Apache-2.0 */
#include "load/decoded.h"

#include "anchors/compat.h"

#include <errno.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

/* ---- What a program may change ---- */

/* One number for everything that the setters of x509.h reach, in all certificates. */
struct digest {
	const struct crypto *crypto;
	uint64_t value;
};

/* In place, since this is done for each certificate of each load. */
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

/* The length and the ends, not the place: a setter may write to the same. */
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
	/* And what stands beside a certificate. */
	mix_pointer(d, c->api.X509_alias_get0(cert, &len));
	mix_pointer(d, c->api.X509_keyid_get0(cert, &len));
	mix_pointer(d, c->api.X509_get0_trust_objects(cert));
	mix_pointer(d, c->api.X509_get0_reject_objects(cert));
}

static uint64_t state_of(const struct decoded *d)
{
	struct digest digest = {.crypto = d->crypto};

	for (size_t i = 0; i < d->count; i++)
		mix_cert(&digest, d->cert[i]);
	return digest.value;
}

bool decoded_is_unchanged(const struct decoded *d)
{
	return state_of(d) == d->state;
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

/* What a file may not have: from a file, a line that has a NUL ends there; with a private key or a
 * password, it is none of our business. */
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

/* The whole file, for free(); NULL: none, or it is another by now. */
static char *read_whole(int fd, const struct decoded_file *file)
{
	size_t size = (size_t)file->size, len = 0;
	char *data = malloc(size + 1);
	struct decoded_file after;
	struct stat st;
	ssize_t n;

	if (data == NULL)
		return NULL;
	while (len <= size && (n = read(fd, data + len, size + 1 - len)) != 0) {
		if (n > 0)
			len += (size_t)n;
		else if (errno != EINTR)
			goto fail;
	}
	if (len != size || compat_fstat(fd, &st) != 0)
		goto fail;
	after = decoded_file_of(&st);
	if (!decoded_same_file(file, &after) || is_odd(data, len))
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
	/* The last argument as in by_file.c: no password is asked for. */
	infos = (OPENSSL_STACK *)c->api.PEM_X509_INFO_read_bio(bio, NULL, NULL,
							       (void *)(uintptr_t) "");
	c->api.BIO_free(bio);
	return infos;
}

/*
 * OpenSSL fills a certificate's cache of its extensions when it is first asked for, which is a race
 * among threads that share it: so it is filled now. A key that can't be decoded now may be later.
 */
static bool prepare(const struct crypto *c, X509 *cert)
{
	c->api.X509_check_purpose(cert, -1, 0);
	return c->api.X509_get0_pubkey(cert) != NULL;
}

/* All certificates out of the infos; false if there is anything else. */
static bool take_certs(struct decoded *d, const OPENSSL_STACK *infos)
{
	int count = d->crypto->api.OPENSSL_sk_num(infos);

	for (int i = 0; i < count; i++) {
		X509_INFO *info = d->crypto->api.OPENSSL_sk_value(infos, i);

		if (info->x509 == NULL || info->crl != NULL || info->x_pkey != NULL ||
		    info->enc_data != NULL || !prepare(d->crypto, info->x509))
			return false;
		d->cert[d->count++] = info->x509;
		info->x509 = NULL;
	}
	return true;
}

/* From 4.0 on, asking a store for its objects makes it another, slower kind of store. */
static bool shows_objects(const struct crypto *c)
{
	return c->api.OpenSSL_version_num() < 0x40000000UL;
}

/* What an empty store has after the same calls. Where it fails, there is only no short cut. */
static void find_order(struct decoded *d)
{
	const struct crypto *c = d->crypto;
	X509_STORE *store = shows_objects(c) ? c->api.X509_STORE_new() : NULL;
	OPENSSL_STACK *objects;
	X509 **order;
	size_t count;

	if (store == NULL)
		return;
	for (size_t i = 0; i < d->count; i++)
		if (c->api.X509_STORE_add_cert(store, d->cert[i]) != 1)
			goto out;
	objects = (OPENSSL_STACK *)c->api.X509_STORE_get0_objects(store);
	count = (size_t)c->api.OPENSSL_sk_num(objects);
	order = calloc(count, sizeof(X509 *));
	if (order == NULL)
		goto out;
	for (size_t i = 0; i < count; i++)
		order[i] = c->api.X509_OBJECT_get0_X509(c->api.OPENSSL_sk_value(objects, (int)i));
	d->in_store = order;
	d->in_store_count = count;
out:
	c->api.X509_STORE_free(store);
}

static struct decoded *decode(struct crypto *c, const char *data, const struct decoded_file *file)
{
	OPENSSL_STACK *infos = parse(c, data, (size_t)file->size);
	int count = infos == NULL ? 0 : c->api.OPENSSL_sk_num(infos);
	struct decoded *d = NULL;

	if (count > 0 && count <= DECODED_MAX_CERTS)
		d = calloc(1, sizeof(*d) + (size_t)count * sizeof(X509 *));
	if (d != NULL) {
		d->crypto = c;
		d->file = *file;
		if (take_certs(d, infos)) {
			find_order(d);
			d->state = state_of(d);
		} else {
			decoded_free(d);
			d = NULL;
		}
	}
	if (infos != NULL)
		c->api.OPENSSL_sk_pop_free(infos, (OPENSSL_sk_freefunc)c->api.X509_INFO_free);
	return d;
}

struct decoded *decoded_read(struct crypto *c, int fd, const struct decoded_file *file)
{
	char *data = read_whole(fd, file);
	struct decoded *d = NULL;

	if (data != NULL) {
		struct binding_scope scope = binding_work_begin(c);

		d = decode(c, data, file);
		binding_work_end(c, scope);
	}
	free(data);
	return d;
}

void decoded_free(struct decoded *d)
{
	for (size_t i = 0; i < d->count; i++)
		d->crypto->api.X509_free(d->cert[i]);
	free(d->in_store);
	free(d);
}

/* ---- Into a store ---- */

static bool push(const struct crypto *c, OPENSSL_STACK *objects, X509 *cert)
{
	X509_OBJECT *object = c->api.X509_OBJECT_new();

	if (object != NULL && c->api.X509_OBJECT_set1_X509(object, cert) == 1 &&
	    c->api.OPENSSL_sk_push(objects, object) > 0)
		return true;
	c->api.X509_OBJECT_free(object);
	return false;
}

/* At once into an empty store: OpenSSL would look for each certificate before it adds it. */
static bool fill_empty(const struct decoded *d, X509_STORE *store)
{
	const struct crypto *c = d->crypto;
	OPENSSL_STACK *objects;
	bool filled;

	if (d->in_store == NULL || !c->api.X509_STORE_lock(store))
		return false;
	objects = (OPENSSL_STACK *)c->api.X509_STORE_get0_objects(store);
	filled = c->api.OPENSSL_sk_num(objects) == 0 &&
		 c->api.OPENSSL_sk_reserve(objects, (int)d->in_store_count) == 1;
	for (size_t i = 0; filled && i < d->in_store_count; i++)
		filled = push(c, objects, d->in_store[i]);
	c->api.X509_STORE_unlock(store);
	return filled;
}

bool decoded_add_to(const struct decoded *d, X509_STORE *store)
{
	if (fill_empty(d, store))
		return true;
	for (size_t i = 0; i < d->count; i++)
		if (d->crypto->api.X509_STORE_add_cert(store, d->cert[i]) != 1)
			return false;
	return true;
}
