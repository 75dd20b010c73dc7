/* SPDX-License-Identifier: Apache-2.0 */
#include "attach.h"

#include "compat.h"
#include "log.h"
#include "public.h"
#include "text.h"
#include "trustdir.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/*
 * A store's ex_data, in place of a pointer, so there is nothing to free: bits, and the generation
 * of the anchors that it has (0: none).
 */
enum mark {
	MARK_CLIENT = 1,   /* made with a client's context */
	MARK_PUBLIC = 2,   /* trusts public CAs */
	MARK_ANCHORS = 4,  /* has anchors, or will in a moment */
	MARK_DEFAULTS = 8, /* looks into OpenSSL's own directories */
	MARK_PLACES = 16,  /* looks into others */
	GENERATION_SHIFT = 5,
};

static int get_mark_index(struct crypto *c)
{
	int known = atomic_load_explicit(&c->mark_index, memory_order_acquire), mine;

	if (known >= 0)
		return known;
	mine = c->api.CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509_STORE, 0, NULL, NULL, NULL,
					      NULL);
	if (mine < 0)
		return mine;
	return atomic_compare_exchange_strong(&c->mark_index, &known, mine) ? mine : known;
}

/* Both under the store's own lock, since setting ex_data may move it. */
static uintptr_t get_marks_locked(struct crypto *c, X509_STORE *store)
{
	int index = get_mark_index(c);

	return index < 0 ? 0 : (uintptr_t)c->api.X509_STORE_get_ex_data(store, index);
}

static void set_marks_locked(struct crypto *c, X509_STORE *store, uintptr_t marks)
{
	int index = get_mark_index(c);

	if (index >= 0)
		c->api.X509_STORE_set_ex_data(store, index, (void *)marks);
}

static uintptr_t get_marks(struct crypto *c, X509_STORE *store)
{
	uintptr_t marks = 0;

	if (c->api.X509_STORE_lock(store)) {
		marks = get_marks_locked(c, store);
		c->api.X509_STORE_unlock(store);
	}
	return marks;
}

/* Returns the new ones, or 0 where the store can't be locked. */
static uintptr_t change_marks(struct crypto *c, X509_STORE *store, unsigned add, unsigned remove)
{
	uintptr_t before, marks = 0;

	if (!c->api.X509_STORE_lock(store))
		return 0;
	before = get_marks_locked(c, store);
	marks = (before | add) & ~(uintptr_t)remove;
	if (marks != before)
		set_marks_locked(c, store, marks);
	c->api.X509_STORE_unlock(store);
	return marks;
}

static uint64_t generation_of(uintptr_t marks)
{
	return marks >> GENERATION_SHIFT;
}

static uintptr_t with_generation(uintptr_t marks, uint64_t generation)
{
	return (marks & (((uintptr_t)1 << GENERATION_SHIFT) - 1)) | generation << GENERATION_SHIFT;
}

bool attach_is_client_method(const struct ssl *ssl, const SSL_METHOD *method)
{
	for (size_t i = 0; ssl->client_method[i] != NULL; i++)
		if (ssl->client_method[i] == method)
			return true;
	return false;
}

void attach_tag_client(struct ssl *ssl, SSL_CTX *ctx)
{
	struct binding_scope scope = binding_work_begin(ssl->crypto);
	X509_STORE *store = ssl->api.SSL_CTX_get_cert_store(ctx);

	if (store != NULL)
		change_marks(ssl->crypto, store, MARK_CLIENT, 0);
	binding_work_end(ssl->crypto, scope);
}

bool attach_is_tagged(struct crypto *crypto, X509_STORE *store)
{
	return store != NULL && (get_marks(crypto, store) & MARK_CLIENT) != 0;
}

bool attach_is_done(struct crypto *crypto, X509_STORE *store)
{
	return store != NULL && (get_marks(crypto, store) & MARK_ANCHORS) != 0;
}

X509_STORE_CTX *attach_lookup_new(const struct crypto *crypto, X509_STORE *store)
{
	X509_STORE_CTX *lookup;

	/* The program's own cleanup callback would see a context that it does not know. */
	if (crypto->api.X509_STORE_get_cleanup(store) != NULL)
		return NULL;
	lookup = crypto->api.X509_STORE_CTX_new();
	if (lookup != NULL && crypto->api.X509_STORE_CTX_init(lookup, store, NULL, NULL) != 1) {
		crypto->api.X509_STORE_CTX_free(lookup);
		lookup = NULL;
	}
	return lookup;
}

/* All certificates of a subject; what is in the store's directories comes into the store by that.
 */
static STACK_OF(X509) * look_up(const struct crypto *c, X509_STORE_CTX *lookup, const X509 *like)
{
	return c->api.X509_STORE_CTX_get1_certs(lookup, c->api.X509_get_subject_name(like));
}

static void free_certs(const struct crypto *c, STACK_OF(X509) * certs)
{
	c->api.OPENSSL_sk_pop_free((OPENSSL_STACK *)certs, (OPENSSL_sk_freefunc)c->api.X509_free);
}

/* The name of a certificate in a directory is the hash of its subject, and a number: 5ed36f99.0. */
static bool has_hash(const char *dir, size_t len, unsigned long hash)
{
	static const char hex[] = "0123456789abcdef";
	char buf[PATH_MAX], name[] = "/01234567.0";
	struct text path = TEXT(buf);
	struct stat st;

	for (int i = 8; i > 0; i--, hash >>= 4)
		name[i] = hex[hash & 15];
	if (len == 0 || len + sizeof(name) > sizeof(buf))
		return false;
	text_add_n(&path, dir, len);
	text_add(&path, name);
	return compat_stat(buf, &st) == 0;
}

/* As add_cert_dir() in crypto/x509/by_dir.c takes a list apart. */
static bool have_hash(const char *dirs, unsigned long hash)
{
	while (*dirs != '\0') {
		size_t len = strcspn(dirs, ":");

		if (has_hash(dirs, len, hash))
			return true;
		dirs += len + (dirs[len] == ':');
	}
	return false;
}

const char ATTACH_DEFAULTS[] = "";

/* OpenSSL's own, where they are meant; as in X509_STORE_set_default_paths(). */
static const char *real_dirs(const struct crypto *c, const char *dirs)
{
	const char *set;

	if (dirs != ATTACH_DEFAULTS)
		return dirs;
	set = secure_getenv(c->api.X509_get_default_cert_dir_env());
	return set != NULL ? set : c->api.X509_get_default_cert_dir();
}

static const char *real_file(const struct crypto *c, const char *file)
{
	const char *set;

	if (file != ATTACH_DEFAULTS)
		return file;
	set = secure_getenv(c->api.X509_get_default_cert_file_env());
	return set != NULL ? set : c->api.X509_get_default_cert_file();
}

/* Files that were looked through and have no anchor: hashes of what they were, and of the
 * generation. */
static _Atomic uint64_t without_anchors[16];

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

static uint64_t identity(const struct stat *st, uint64_t generation)
{
	uint64_t hash = mix(generation, (uint64_t)st->st_dev);

	hash = mix(hash, (uint64_t)st->st_ino);
	hash = mix(hash, (uint64_t)st->st_size);
	hash = mix(hash, (uint64_t)st->st_mtim.tv_sec);
	hash = mix(hash, (uint64_t)st->st_mtim.tv_nsec);
	hash = mix(hash, (uint64_t)st->st_ctim.tv_sec);
	return mix(hash, (uint64_t)st->st_ctim.tv_nsec) | 1;
}

static bool is_anchor_der(void *arg, const unsigned char *der, size_t len)
{
	return trust_knows_der(arg, der, len);
}

/*
 * Has a bundle an anchor in it? Programs load the same bundle over and over, on contexts in use as
 * well (requests does for each connection), so the answer no is remembered. Only files: what can be
 * read once only, such as a FIFO, is the program's alone.
 */
static bool file_concerns(const char *file, const struct trust *trust)
{
	struct stat st;
	uint64_t id;
	size_t slot;
	bool found;

	if (compat_stat(file, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	id = identity(&st, trust->generation);
	slot = (id >> 8) % (sizeof(without_anchors) / sizeof(*without_anchors));
	if (atomic_load_explicit(&without_anchors[slot], memory_order_relaxed) == id)
		return false;
	found = trustdir_file_has(file, is_anchor_der, (void *)(uintptr_t)trust);
	if (!found)
		atomic_store_explicit(&without_anchors[slot], id, memory_order_relaxed);
	return found;
}

static bool dirs_concern(const char *dirs, const struct trust *trust)
{
	for (size_t i = 0; i < trust->ever_count; i++)
		if (have_hash(dirs, trust->ever[i]->name_hash))
			return true;
	return false;
}

/* May the store have anchors at all? */
static bool is_wanted(struct crypto *c, X509_STORE *store, uintptr_t marks)
{
	X509_STORE_CTX *lookup;
	bool wanted;

	if (!config.public_only || (marks & MARK_PUBLIC) != 0)
		return true;
	lookup = attach_lookup_new(c, store);
	wanted = lookup != NULL && public_bundle(c, lookup);
	c->api.X509_STORE_CTX_free(lookup);
	if (wanted)
		change_marks(c, store, MARK_PUBLIC, 0);
	return wanted;
}

/* The present anchor of the same name as an earlier one. */
static X509 *successor(const struct crypto *c, const struct trust *trust, const X509 *former)
{
	const X509_NAME *name = c->api.X509_get_subject_name(former);

	for (size_t i = 0; i < trust->count; i++) {
		X509 *cert = trust->anchor[i]->cert;

		if (c->api.X509_NAME_cmp(c->api.X509_get_subject_name(cert), name) == 0)
			return cert;
	}
	return NULL;
}

/*
 * Under the store's lock: a CA with a new key takes the place of the old one. OpenSSL might choose
 * between two of the same name by chance, where certificates bear no key identifier. The order of
 * the store, by name, stays. The old X509 is never freed, so whoever has found it may go on.
 */
static void replace_formers_locked(struct crypto *c, X509_STORE *store, const struct trust *trust)
{
	OPENSSL_STACK *objects = (OPENSSL_STACK *)c->api.X509_STORE_get0_objects(store);

	for (int i = 0; i < c->api.OPENSSL_sk_num(objects); i++) {
		X509_OBJECT *object = c->api.OPENSSL_sk_value(objects, i);
		const X509 *cert = c->api.X509_OBJECT_get0_X509(object);
		X509 *now = cert != NULL && trust_is_former(trust, cert) ? successor(c, trust, cert)
									 : NULL;

		if (now != NULL)
			c->api.X509_OBJECT_set1_X509(object, now);
	}
}

/*
 * Once a certificate of some name is in memory, OpenSSL looks for no other of that name in
 * directories. So what a program has there under the name of an anchor (a CA with another key, the
 * anchor itself) comes into memory first. Only where the store needs it: there is a look into each
 * of its places for each name, and 3.0 goes through all of its own directory for that.
 */
static void look_up_names(const struct crypto *c, X509_STORE *store, const struct trust *trust,
			  uintptr_t marks)
{
	bool only_defaults = (marks & (MARK_DEFAULTS | MARK_PLACES)) == MARK_DEFAULTS;
	const char *dirs = real_dirs(c, ATTACH_DEFAULTS);
	X509_STORE_CTX *lookup = NULL;

	for (size_t i = 0; i < trust->count; i++) {
		const struct trust_anchor *a = trust->anchor[i];

		if (a->since <= generation_of(marks) ||
		    (only_defaults && !have_hash(dirs, a->name_hash)))
			continue;
		if (lookup == NULL)
			lookup = attach_lookup_new(c, store);
		if (lookup == NULL)
			return;
		free_certs(c, look_up(c, lookup, a->cert));
	}
	c->api.X509_STORE_CTX_free(lookup);
}

/*
 * Adds what is missing; then, in one step under the lock, does away with what is no more and says
 * which generation the store has now. So a thread that still adds an older generation leaves its
 * older mark for the next one to see. The mark of anchors comes first: whoever loads something from
 * then on knows that it may have been ignored.
 */
static void update(struct crypto *c, X509_STORE *store, const struct trust *trust)
{
	bool complete = true;

	look_up_names(c, store, trust, change_marks(c, store, MARK_ANCHORS, 0));
	for (size_t i = 0; i < trust->count; i++)
		complete = c->real.X509_STORE_add_cert(store, trust->anchor[i]->cert) && complete;
	if (!complete || !c->api.X509_STORE_lock(store))
		return;
	if (trust->ever_count > trust->count)
		replace_formers_locked(c, store, trust);
	set_marks_locked(c, store, with_generation(get_marks_locked(c, store), trust->generation));
	c->api.X509_STORE_unlock(store);
	log_line(LOG_DEBUG, "anchors attached to a store");
}

void attach_anchors(struct crypto *crypto, X509_STORE *store)
{
	struct binding_scope scope;
	const struct trust *trust;
	uintptr_t marks;

	if (store == NULL)
		return;
	scope = binding_work_begin(crypto);
	trust = trust_get(crypto);
	if (trust != NULL) {
		marks = get_marks(crypto, store);
		if (generation_of(marks) != trust->generation && is_wanted(crypto, store, marks))
			update(crypto, store, trust);
	}
	binding_work_end(crypto, scope);
}

/* The program's certificate in place of an anchor that is the same one. */
static bool replace(const struct crypto *c, X509_STORE *store, const struct trust *trust,
		    X509 *cert)
{
	X509 *copy = trust_is_ours(trust, cert) ? NULL : trust_copy(c, trust, cert);
	OPENSSL_STACK *objects;
	bool replaced = false;

	if (copy == NULL || !c->api.X509_STORE_lock(store))
		return false;
	objects = (OPENSSL_STACK *)c->api.X509_STORE_get0_objects(store);
	for (int i = 0; i < c->api.OPENSSL_sk_num(objects); i++) {
		X509_OBJECT *object = c->api.OPENSSL_sk_value(objects, i);
		const X509 *old = c->api.X509_OBJECT_get0_X509(object);

		if (old != NULL && trust_is_ours(trust, old) && c->api.X509_cmp(old, cert) == 0)
			replaced = c->api.X509_OBJECT_set1_X509(object, copy) == 1 || replaced;
	}
	c->api.X509_STORE_unlock(store);
	return replaced;
}

/* All that a scratch store has under the name of an anchor, in memory or elsewhere. */
static void take_over(const struct crypto *c, X509_STORE *store, const struct trust *trust,
		      X509_STORE *scratch)
{
	X509_STORE_CTX *lookup = attach_lookup_new(c, scratch);

	for (size_t i = 0; lookup != NULL && i < trust->ever_count; i++) {
		STACK_OF(X509) *certs = look_up(c, lookup, trust->ever[i]->cert);

		for (int j = 0; j < c->api.OPENSSL_sk_num((OPENSSL_STACK *)certs); j++) {
			X509 *cert = c->api.OPENSSL_sk_value((OPENSSL_STACK *)certs, j);

			if (!replace(c, store, trust, cert))
				c->real.X509_STORE_add_cert(store, cert);
		}
		free_certs(c, certs);
	}
	c->api.X509_STORE_CTX_free(lookup);
}

/* The path that a URI names; NULL for what may want a PIN. */
static const char *uri_path(const char *uri)
{
	static const char file[] = "file:";

	if (uri == NULL || strncmp(uri, file, strlen(file)) != 0)
		return uri == NULL || memchr(uri, ':', strcspn(uri, "/")) != NULL ? NULL : uri;
	uri += strlen(file);
	return strncmp(uri, "//", 2) == 0 ? strchr(uri + 2, '/') : uri;
}

static void load_into(const struct crypto *c, X509_STORE *scratch, X509_LOOKUP_METHOD *method,
		      int command, const char *name, long type)
{
	X509_LOOKUP *lookup = c->api.X509_STORE_add_lookup(scratch, method);

	if (lookup != NULL)
		c->real.X509_LOOKUP_ctrl(lookup, command, name, type, NULL);
}

/*
 * Does a load once more on a scratch store, to see what the program's own ignored or does not look
 * up. Only if it brings something that concerns anchors of this or an earlier generation.
 */
static void load_again(const struct crypto *c, X509_STORE *store, const struct trust *trust,
		       const struct attach_source *from)
{
	const char *file = from->file == NULL ? NULL : real_file(c, from->file);
	const char *dirs = from->dirs == NULL ? NULL : real_dirs(c, from->dirs);
	const char *path = uri_path(from->uri);
	X509_STORE *scratch;
	struct stat st;
	int command = 0;

	if (file != NULL && !file_concerns(file, trust))
		file = NULL;
	if (dirs != NULL && !dirs_concern(dirs, trust))
		dirs = NULL;
	if (path != NULL && c->api.X509_LOOKUP_store != NULL && compat_stat(path, &st) == 0) {
		if (S_ISREG(st.st_mode))
			command = X509_L_LOAD_STORE;
		else if (S_ISDIR(st.st_mode) && dirs_concern(path, trust))
			command = X509_L_ADD_STORE;
	}
	if (file == NULL && dirs == NULL && command == 0)
		return;
	scratch = c->api.X509_STORE_new();
	if (scratch == NULL)
		return;
	if (file != NULL)
		load_into(c, scratch, c->api.X509_LOOKUP_file(), X509_L_FILE_LOAD, file,
			  from->type);
	if (dirs != NULL)
		load_into(c, scratch, c->api.X509_LOOKUP_hash_dir(), X509_L_ADD_DIR, dirs,
			  from->type);
	if (command != 0)
		load_into(c, scratch, c->api.X509_LOOKUP_store(), command, from->uri, 0);
	take_over(c, store, trust, scratch);
	c->api.X509_STORE_free(scratch);
}

static unsigned marks_of(const struct attach_source *from, bool loaded)
{
	unsigned marks = 0;

	if (loaded && (from->file == ATTACH_DEFAULTS || from->dirs == ATTACH_DEFAULTS))
		marks |= MARK_PUBLIC;
	if (from->dirs == ATTACH_DEFAULTS)
		marks |= MARK_DEFAULTS;
	else if (from->dirs != NULL)
		marks |= MARK_PLACES;
	return from->uri == NULL && !from->elsewhere ? marks : marks | MARK_PLACES;
}

void attach_after_load(struct crypto *crypto, X509_STORE *store, enum attach_owner owner,
		       const struct attach_source *from, bool loaded)
{
	struct binding_scope scope = binding_work_begin(crypto);
	uintptr_t marks = change_marks(crypto, store, marks_of(from, loaded),
				       owner == ATTACH_OTHER ? MARK_CLIENT : 0);
	const struct trust *trust;

	if ((marks & MARK_ANCHORS) != 0) {
		trust = trust_get(crypto);
		if (trust != NULL)
			load_again(crypto, store, trust, from);
	} else if (loaded && (owner == ATTACH_CLIENT ||
			      (owner == ATTACH_UNKNOWN && (marks & MARK_CLIENT) != 0))) {
		attach_anchors(crypto, store);
	}
	binding_work_end(crypto, scope);
}

void attach_after_add(struct crypto *crypto, X509_STORE *store, X509 *cert)
{
	struct binding_scope scope = binding_work_begin(crypto);
	uintptr_t marks = get_marks(crypto, store);
	const struct trust *trust;

	if ((marks & MARK_ANCHORS) != 0) {
		trust = trust_get(crypto);
		if (trust != NULL)
			replace(crypto, store, trust, cert);
	} else if ((marks & MARK_CLIENT) != 0) {
		attach_anchors(crypto, store);
	}
	binding_work_end(crypto, scope);
}

void attach_cut_own_chain(struct crypto *crypto, X509_STORE_CTX *ctx)
{
	OPENSSL_STACK *chain = (OPENSSL_STACK *)crypto->api.X509_STORE_CTX_get0_chain(ctx);
	const struct trust *trust = trust_present(crypto);
	int count = crypto->api.OPENSSL_sk_num(chain), keep = 1;
	SSL *connection;

	if (trust == NULL || binding_ssl_of(crypto, ctx, &connection) != NULL)
		return;
	while (keep < count && !trust_is_ours(trust, crypto->api.OPENSSL_sk_value(chain, keep)))
		keep++;
	for (; keep < count; count--)
		crypto->api.X509_free(crypto->api.OPENSSL_sk_pop(chain));
}
