/* SPDX-License-Identifier: Apache-2.0 */
#include "openssl/binding.h"

#include "anchors/compat.h"
#include "openssl/errors.h"
#include "process/config.h"
#include "process/dl.h"
#include "process/log.h"

#include <link.h>
#include <stdlib.h>
#include <string.h>

/* After all others: it gives names of OpenSSL's another meaning. */
#include "openssl/openssl_calls.h"

/* More copies than any process has. Beyond that, calls fail as those of a broken OpenSSL would. */
enum { COPIES_MAX = 32 };

/* Filled from the front and never emptied. What is in them begins with its module. */
typedef _Atomic(struct module *) copies[COPIES_MAX];
static copies cryptos, ssls;

static _Thread_local struct binding_scope current;

struct binding_scope binding_enter(struct crypto *crypto)
{
	struct binding_scope before = current;

	current.last = crypto;
	return before;
}

void binding_leave(struct binding_scope scope)
{
	/* The copy stays: a call to come may have us as its caller. */
	current.working = scope.working;
	if (scope.last != NULL)
		current.last = scope.last;
}

struct binding_scope binding_work_begin(struct crypto *c)
{
	struct binding_scope before = binding_enter(c);

	if (!before.working) {
		/* An engine could go on with another job of this thread (ASYNC_pause_job(3)). */
		if (ASYNC_block_pause != NULL && ASYNC_unblock_pause != NULL)
			ASYNC_block_pause();
		current.errors = errors_begin(c);
		current.working = true;
	}
	return before;
}

void binding_work_end(struct crypto *c, struct binding_scope scope)
{
	if (!scope.working) {
		errors_end(c, current.errors);
		if (ASYNC_block_pause != NULL && ASYNC_unblock_pause != NULL)
			ASYNC_unblock_pause();
	}
	binding_leave(scope);
}

void binding_work_forget(const struct crypto *c)
{
	errors_forget(c, current.errors);
}

static void *symbol(void *handle, const char *name)
{
	return handle == NULL ? NULL : dl_symbol(handle, name);
}

static struct module *nth(copies all, size_t i)
{
	return i < COPIES_MAX ? atomic_load_explicit(&all[i], memory_order_acquire) : NULL;
}

static struct module *known(copies all, const void *address)
{
	struct module *m;

	for (size_t i = 0; (m = nth(all, i)) != NULL; i++)
		if (module_has(*m, address))
			return m;
	return NULL;
}

/* Adds mine, unless another thread was first; then that one's is returned. NULL: there is no room.
 */
static struct module *publish(copies all, struct module *mine)
{
	for (size_t i = 0; i < COPIES_MAX; i++) {
		struct module *there = NULL;

		if (atomic_compare_exchange_strong(&all[i], &there, mine))
			return mine;
		if (there->start == mine->start)
			return there;
	}
	return NULL;
}

/* The copy that a function of it, or any address in it, belongs to. */
static void *copy_at(copies all, const void *address, void *(*make)(const struct object *where))
{
	struct module *there = known(all, address), *mine;
	struct object where;

	if (there != NULL || !object_at(address, &where))
		return there;
	mine = make(&where);
	if (mine == NULL)
		return NULL;
	there = publish(all, mine);
	if (there != mine)
		free(mine);
	return there;
}

bool binding_knows(const void *address)
{
	return known(cryptos, address) != NULL || known(ssls, address) != NULL;
}

/* BoringSSL and AWS-LC call themselves "OpenSSL 1.1.1 (compatible; …)", and are not. */
static bool is_openssl(const struct crypto *c)
{
	static const char name[] = "OpenSSL ";
	const char *version;

	if (OpenSSL_version == NULL || OpenSSL_version_num == NULL)
		return false;
	version = OpenSSL_version(OPENSSL_VERSION);
	return version != NULL && strncmp(version, name, strlen(name)) == 0 &&
	       strstr(version, "compatible;") == NULL && OpenSSL_version_num() >= 0x10101000UL;
}

/* Function pointers come from dlsym() as object pointers; POSIX has them the same. */
#define LOOK_UP(slot, handle, name) (*(void **)&(slot) = symbol(handle, name))

/*
 * What is to be looked up, in the order of the slots of a struct that the same table makes: for
 * each the byte that says what it is for, and its name.
 */
#define FOR_LENDING "\1"
#define FOR_SCOPES "\2"
#define FOR_PUBLIC "\4"
#define FOR_MESSAGES "\10"
#define FOR_OPTIONAL "\20"
#define FOR_SHARING "\40"
#define ROW_OF_USE(use, name) FOR_##use #name "\0"
#define ROW_OF_HOOK(name, ...) FOR_OPTIONAL #name "\0"

/* Fills the slots; one whose function is not there is NULL. Returns for what any is missing. */
static unsigned char look_up_all(void *handle, const char *rows, size_t size, void *slots)
{
	unsigned char lacks = 0;
	char *slot = slots;

	for (const char *row = rows; row + 1 < rows + size; row += strlen(row) + 1) {
		void *found = symbol(handle, row + 1);

		memcpy(slot, &found, sizeof(found));
		slot += sizeof(found);
		if (found != NULL || *row == OPTIONAL)
			continue;
		lacks |= (unsigned char)*row;
		log_line(LOG_DEBUG, row + 1, ": a TLS library does not have this function");
	}
	return lacks;
}

static void *crypto_new(const struct object *where)
{
	static const char api[] =
#define OPENSSL_CRYPTO ROW_OF_USE
#include "openssl/openssl.def"
		;
	static const char real[] =
#define HOOK_X509_LOAD ROW_OF_HOOK
#define HOOK_X509_LOOKUP ROW_OF_HOOK
#define HOOK_X509_METHOD ROW_OF_HOOK
#define HOOK_X509_STORE ROW_OF_HOOK
#define HOOK_X509_VERIFY ROW_OF_HOOK
#include "hooks.def"
		;
	struct crypto *c = calloc(1, sizeof(*c));
	/* Kept for good: a copy that we point into must not be unloaded. OpenSSL pins itself
	 * anyway. */
	void *handle = object_open(where);

	if (c == NULL || handle == NULL)
		goto fail;
	c->module = where->module;
	atomic_init(&c->loan_index, -1);
	atomic_init(&c->lookup_index, -1);
	atomic_init(&c->told, false);
	atomic_init(&c->directory_index, -1);
	atomic_init(&c->deferred_index, -1);
	look_up_all(handle, real, sizeof(real), &c->real);
	if (config_disabled())
		return c;
	c->lacks = look_up_all(handle, api, sizeof(api), &c->api);
	c->usable = (c->lacks & LENDING) == 0 && is_openssl(c);
	if (c->usable && OpenSSL_version_num() < 0x30000000UL)
		LOOK_UP(c->err_state, handle, "ERR_get_state");
	return c;
fail:
	if (handle != NULL)
		dl_close(handle);
	free(c);
	return NULL;
}

static void find_client_methods(struct ssl *s, void *handle)
{
	static const char *const names[CLIENT_METHODS_MAX - 1] = {
		"TLS_client_method",	   "TLSv1_client_method",
		"TLSv1_1_client_method",   "TLSv1_2_client_method",
		"SSLv3_client_method",	   "DTLS_client_method",
		"DTLSv1_client_method",	   "DTLSv1_2_client_method",
		"OSSL_QUIC_client_method", "OSSL_QUIC_client_thread_method",
	};
	size_t n = 0;

	for (size_t i = 0; i < CLIENT_METHODS_MAX - 1 && names[i] != NULL; i++) {
		const SSL_METHOD *(*method)(void);

		if (LOOK_UP(method, handle, names[i]) != NULL)
			s->client_method[n++] = method();
	}
}

static void *ssl_new(const struct object *where)
{
	static const char api[] =
#define OPENSSL_SSL ROW_OF_USE
#include "openssl/openssl.def"
		;
	static const char real[] =
#define HOOK_SSL_NEW ROW_OF_HOOK
#define HOOK_SSL_LOAD ROW_OF_HOOK
#define HOOK_SSL_STORE ROW_OF_HOOK
#include "hooks.def"
		;
	struct ssl *s = calloc(1, sizeof(*s));
	void *handle = object_open(where);

	if (s == NULL || handle == NULL)
		goto fail;
	s->module = where->module;
	s->crypto = copy_at(cryptos, symbol(handle, "X509_verify_cert"), crypto_new);
	if (s->crypto == NULL)
		goto fail;
	look_up_all(handle, real, sizeof(real), &s->real);
	if (config_disabled())
		return s;
	s->lacks = look_up_all(handle, api, sizeof(api), &s->api);
	s->usable = (s->lacks & LENDING) == 0 && s->crypto->usable;
	if (s->usable)
		find_client_methods(s, handle);
	return s;
fail:
	if (handle != NULL)
		dl_close(handle);
	free(s);
	return NULL;
}

/* The real function as the object at an address sees it: its own, or its dependencies'. */
static void *real_seen_from(const void *address, const char *name)
{
	struct object where;
	void *handle, *real;

	if (object_is_own(address) || !object_at(address, &where))
		return NULL;
	handle = object_open(&where);
	real = symbol(handle, name);
	if (handle != NULL)
		dl_close(handle);
	return object_is_own(real) ? NULL : real;
}

/*
 * The hooked function, if one of the addresses lies in a library that has it itself. What an object
 * of an unknown layout has in the place of an address says nothing, so, and nothing wrong. First
 * those that are known: they take no lock of the dynamic linker.
 */
static const void *function_beside(copies all, const void *const address[], size_t count,
				   const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (known(all, address[i]) != NULL)
			return address[i];
	for (size_t i = 0; i < count; i++) {
		struct object owner;
		const void *real;

		if (!object_at(address[i], &owner))
			continue;
		real = real_seen_from(address[i], name);
		if (real != NULL && module_has(owner.module, real))
			return real;
	}
	return NULL;
}

/*
 * The libssl that a call belongs to. The SSL_METHOD that an SSL_CTX points to (word 0 in 1.1.1,
 * word 1 since 3.0) is a constant inside it.
 */
static const void *owner_of(const SSL_CTX *ctx, const SSL_METHOD *method, const char *name)
{
	const void *word[2] = {method, NULL};

	if (ctx != NULL)
		memcpy(word, ctx, sizeof(word));
	return function_beside(ssls, word, 2, name);
}

/*
 * The libcrypto that a store belongs to, if the caller does not tell: a program that looked libssl
 * up by dlsym() appears as the caller where libssl makes a tail call.
 *
 * In OpenSSL 1.1.0 to 4.0, a store begins with the int 1 (X509_STORE.cache, which nothing changes)
 * and the zeros that fill it up to a word. BoringSSL, AWS-LC and LibreSSL have a pointer there;
 * then nothing more is read. Word 1 is the stack of objects, and word 3 of a stack its comparison.
 * Since 4.0, word 1 is a hash table, and word 1 of that the function that frees; after
 * X509_STORE_get0_objects(), there is no table, and the stack is word 2.
 */
static const void *owner_of_store(const X509_STORE *store, const char *name)
{
	static const int begins_with[2] = {1, 0};
	const void *word[3], *part[4], *address[4] = {NULL};

	if (store == NULL || memcmp(store, begins_with, sizeof(begins_with)) != 0)
		return NULL;
	memcpy(word, store, sizeof(word));
	for (size_t i = 1; i <= 2; i++) {
		if (word[i] == NULL)
			continue;
		memcpy(part, word[i], sizeof(part));
		address[2 * i - 2] = part[3];
		address[2 * i - 1] = part[1];
	}
	return function_beside(cryptos, address, 4, name);
}

bool binding_is_client_method(const struct ssl *ssl, const SSL_METHOD *method)
{
	for (size_t i = 0; ssl->client_method[i] != NULL; i++)
		if (ssl->client_method[i] == method)
			return true;
	return false;
}

/* The paths of all loaded objects, as far as there is room. */
enum { PATHS_MAX = 512 };
struct paths {
	size_t count;
	char *path[PATHS_MAX];
};

static int collect_path(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct paths *p = arg;

	(void)size;
	if (info->dlpi_name != NULL && info->dlpi_name[0] != '\0' && p->count < PATHS_MAX) {
		p->path[p->count] = strdup(info->dlpi_name);
		if (p->path[p->count] != NULL)
			p->count++;
	}
	return 0;
}

/* The only loaded object that has a function, if it is the only one. The last resort. */
static void *only_owner(const char *name)
{
	struct paths *p = calloc(1, sizeof(*p));
	void *found = NULL;
	size_t count = 0;

	if (p == NULL)
		return NULL;
	dl_iterate_phdr(collect_path, p);
	for (size_t i = 0; i < p->count; i++) {
		void *handle = dl_open(p->path[i], RTLD_LAZY | RTLD_NOLOAD);
		void *real = symbol(handle, name);

		/* Seen from an object that only depends on the owner, it is the same address. */
		if (real != NULL && !object_is_own(real) && real != found) {
			found = real;
			count++;
		}
		if (handle != NULL)
			dl_close(handle);
		free(p->path[i]);
	}
	free(p);
	return count == 1 ? found : NULL;
}

/* By what the caller has in sight, or else by what there is. */
static void *real_for(const void *caller, const char *name)
{
	void *real = real_seen_from(caller, name);

	if (real == NULL && !object_is_own(caller))
		real = dl_symbol(RTLD_NEXT, name);
	return real != NULL ? real : only_owner(name);
}

static void tell_unbound(const char *name)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;

	if (!atomic_flag_test_and_set(&told))
		log_line(LOG_ERROR, name,
			 ": the caller's TLS library is not to be found, so the call fails: "
			 "run this program without the preload, and report it");
}

struct ssl *binding_ssl(const char *name, const void *caller, const SSL_CTX *ctx,
			const SSL_METHOD *method)
{
	const void *real = owner_of(ctx, method, name);
	struct ssl *s;

	if (real == NULL)
		real = known(ssls, caller) != NULL ? caller : real_seen_from(caller, name);
	/* The main program and what it was started with bind in this very order. */
	if (real == NULL)
		real = dl_symbol(RTLD_NEXT, name);
	s = real == NULL ? NULL : copy_at(ssls, real, ssl_new);
	if (s == NULL)
		tell_unbound(name);
	return s;
}

/*
 * The role of a verification is libssl's to say, so the one that the caller has in sight is made
 * known: once for each place that calls, as the dynamic linker has locks. Should another object be
 * loaded in that very place, its libssl is known as soon as it verifies.
 */
static void find_ssl(const void *caller)
{
	static _Atomic(const void *) asked[64];
	size_t slot = ((uintptr_t)caller >> 2) % (sizeof(asked) / sizeof(*asked));
	const void *real;

	if (config_disabled() || atomic_load_explicit(&asked[slot], memory_order_relaxed) == caller)
		return;
	real = real_seen_from(caller, "SSL_is_server");
	if (real != NULL)
		copy_at(ssls, real, ssl_new);
	atomic_store_explicit(&asked[slot], caller, memory_order_relaxed);
}

struct crypto *binding_calling(const void *caller)
{
	struct module *c = known(cryptos, caller);

	return c != NULL ? (struct crypto *)c : current.last;
}

struct crypto *binding_crypto(const char *name, const void *caller, const X509_STORE *store)
{
	struct ssl *s = (struct ssl *)known(ssls, caller);
	struct crypto *c = s != NULL ? s->crypto : (struct crypto *)known(cryptos, caller);
	const void *real;

	if (c == NULL && object_is_own(caller))
		c = current.last;
	if (c != NULL)
		return c;
	/* The store first: where its copy is known, no lock of the dynamic linker is needed. */
	real = owner_of_store(store, name);
	if (real == NULL)
		real = real_for(caller, name);
	c = real == NULL ? NULL : copy_at(cryptos, real, crypto_new);
	if (c == NULL) {
		tell_unbound(name);
		return NULL;
	}
	find_ssl(caller);
	return c;
}

void *binding_real(const char *name, const void *caller)
{
	void *real = real_for(caller, name);

	if (real == NULL)
		tell_unbound(name);
	return real;
}

struct ssl *binding_ssl_of(struct crypto *c, X509_STORE_CTX *ctx, SSL **ret)
{
	struct ssl *s;

	for (size_t i = 0; (s = (struct ssl *)nth(ssls, i)) != NULL; i++) {
		int index;

		if (s->crypto != c || !s->usable)
			continue;
		index = SSL_get_ex_data_X509_STORE_CTX_idx();
		*ret = index < 0 ? NULL : X509_STORE_CTX_get_ex_data(ctx, index);
		if (*ret != NULL)
			return s;
	}
	return NULL;
}
