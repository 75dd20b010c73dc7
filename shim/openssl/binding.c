/* SPDX-License-Identifier: Apache-2.0 */
#include "openssl/binding.h"

#include "libc/compat.h"
#include "openssl/errors.h"
#include "process/config.h"
#include "process/dl.h"
#include "process/log.h"

#include <link.h>
#include <stdlib.h>
#include <string.h>

/* Included after all others, because it redefines names of OpenSSL. */
#include "openssl/openssl_calls.h"

/*
 * More copies than any process has. Beyond this number, calls fail as those of a broken OpenSSL
 * would.
 */
enum { COPIES_MAX = 32 };

/* Filled from the front and never emptied. Each entry begins with its module. */
typedef _Atomic(struct module *) copies[COPIES_MAX];
static copies cryptos, ssls;

static _Thread_local struct binding_scope current;

struct binding_scope binding_enter(struct crypto *crypto)
{
	struct binding_scope before = current;

	current.last = crypto;
	current.loading = false;
	return before;
}

void binding_leave(struct binding_scope scope)
{
	/* The copy stays recorded: the shim may seem to be the caller of a later call. */
	if (scope.last == NULL)
		scope.last = current.last;
	current = scope;
}

bool binding_load_begin(const struct crypto *c, struct binding_scope before, const void *caller)
{
	current.loading = true;
	return !before.loading || !(module_has(c->module, caller) || object_is_own(caller));
}

struct binding_scope binding_work_begin(struct crypto *c)
{
	struct binding_scope before = binding_enter(c);

	if (!before.working) {
		/* An engine could continue another job of this thread (ASYNC_pause_job(3)). */
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

/*
 * Adds mine, unless another thread was first; then returns that thread's. NULL: there is no room.
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

/* The copy that an address lies in, such as that of one of its functions. */
static void *copy_at(copies all, const void *address, void *(*make)(const struct object *where))
{
	struct module *there = known(all, address), *mine;
	struct object where;

	if (there != NULL || !object_at(address, &where))
		return there;
	mine = make(&where);
	there = mine == NULL ? NULL : publish(all, mine);
	if (there != mine)
		free(mine);
	return there;
}

bool binding_knows(const void *address)
{
	return known(cryptos, address) != NULL || known(ssls, address) != NULL;
}

/* BoringSSL and AWS-LC call themselves "OpenSSL 1.1.1 (compatible; …)", but are not OpenSSL. */
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

/* dlsym() returns function pointers as object pointers; POSIX guarantees that they are the same. */
#define LOOK_UP(slot, handle, name) (*(void **)&(slot) = dl_symbol(handle, name))

/*
 * The functions to look up, in the order of the slots of a struct that the same table makes. Each
 * entry is a byte that says what the function is for, followed by its name.
 */
#define FOR_LENDING "\1"
#define FOR_SCOPES "\2"
#define FOR_PUBLIC "\4"
#define FOR_MESSAGES "\10"
#define FOR_OPTIONAL "\20"
#define FOR_SHARING "\40"
#define ROW_OF_USE(use, name) FOR_##use #name "\0"
#define ROW_OF_HOOK(kind, name, ...) FOR_OPTIONAL #name "\0"

/*
 * Fills the slots; a slot is NULL if the function is missing. Returns the set of purposes for which
 * a function is missing.
 */
static unsigned char look_up_all(void *handle, const char *rows, size_t size, void *slots)
{
	unsigned char lacks = 0;
	char *slot = slots;

	for (const char *row = rows; row + 1 < rows + size; row += strlen(row) + 1) {
		void *found = dl_symbol(handle, row + 1);

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
#define HOOK_X509 ROW_OF_HOOK
#include "hooks.def"
		;
	struct crypto *c = calloc(1, sizeof(*c));
	/*
	 * This reference is kept for good: a copy that we point into must not be unloaded. OpenSSL
	 * itself prevents unloading anyway.
	 */
	void *handle = object_open(where);

	if (c == NULL || handle == NULL)
		goto fail;
	c->module = where->module;
	atomic_init(&c->loan_index, -1);
	atomic_init(&c->lookup_index, -1);
	atomic_init(&c->directory_index, -1);
	atomic_init(&c->deferred_index, -1);
	look_up_all(handle, real, sizeof(real), &c->real);
	if (config_is(SET_OFF))
		return c;
	c->lacks = look_up_all(handle, api, sizeof(api), &c->api);
	c->usable = (c->lacks & LENDING) == 0 && is_openssl(c);
	if (c->usable && OpenSSL_version_num() < 0x30000000UL)
		LOOK_UP(c->err_state, handle, "ERR_get_state");
	return c;
fail:
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
#define HOOK_SSL ROW_OF_HOOK
#include "hooks.def"
		;
	struct ssl *s = calloc(1, sizeof(*s));
	void *handle = object_open(where);

	if (s == NULL || handle == NULL)
		goto fail;
	s->module = where->module;
	s->crypto = copy_at(cryptos, dl_symbol(handle, "X509_verify_cert"), crypto_new);
	if (s->crypto == NULL)
		goto fail;
	look_up_all(handle, real, sizeof(real), &s->real);
	if (config_is(SET_OFF))
		return s;
	s->lacks = look_up_all(handle, api, sizeof(api), &s->api);
	s->usable = (s->lacks & LENDING) == 0 && s->crypto->usable;
	if (s->usable)
		find_client_methods(s, handle);
	return s;
fail:
	dl_close(handle);
	free(s);
	return NULL;
}

/*
 * The real function that the object at an address would find: its own, or that of its dependencies.
 */
static void *real_seen_from(const void *address, const char *name)
{
	struct object where;

	return object_is_own(address) || !object_at(address, &where) ? NULL
								     : object_symbol(&where, name);
}

/*
 * The hooked function, if one of the addresses lies in a library that has it. If an object has an
 * unknown layout, the value that we read as an address finds nothing, so nothing goes wrong. Known
 * copies are tried first, because that takes no lock of the dynamic linker.
 */
static const void *function_beside(copies all, const void *const address[], size_t count,
				   const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (known(all, address[i]) != NULL)
			return address[i];
	for (size_t i = 0; i < count; i++) {
		struct object owner;
		const void *real =
			object_at(address[i], &owner) ? object_symbol(&owner, name) : NULL;

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
 * The libcrypto that a store belongs to, if the caller does not tell. If a program found libssl
 * with dlsym(), the program appears as the caller of libssl's tail calls. In OpenSSL 1.1.0 to 4.0,
 * a store begins with the int 1 (X509_STORE.cache, which nothing changes) and zeros that fill it up
 * to a word. BoringSSL, AWS-LC and LibreSSL have a pointer there; then nothing more is read. Word 1
 * is the stack of objects, and word 3 of a stack is its comparison function. Since 4.0, word 1 is a
 * hash table, and word 1 of that is the function that frees. After X509_STORE_get0_objects(), there
 * is no table, and the stack is word 2.
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

/* The paths of loaded objects, not their addresses: another thread may unload an object. */
enum { PATHS_MAX = 512 };
struct paths {
	size_t count;
	char *path[PATHS_MAX];
};

static int collect_path(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct paths *p = arg;

	(void)size;
	if (info->dlpi_name != NULL && info->dlpi_name[0] != '\0' && p->count < PATHS_MAX &&
	    (p->path[p->count] = strdup(info->dlpi_name)) != NULL)
		p->count++;
	return 0;
}

/* The loaded object that has a function, if only one object has it. This is the last resort. */
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
		void *real = handle == NULL ? NULL : dl_symbol(handle, name);

		/* An object that only depends on the owner finds the same address. */
		if (real != NULL && !object_is_own(real) && real != found) {
			found = real;
			count++;
		}
		dl_close(handle);
		free(p->path[i]);
	}
	free(p);
	return count == 1 ? found : NULL;
}

/* Tries what the caller can see, and then all loaded objects. */
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
			 ": can't find the caller's TLS library, so the call fails: run this "
			 "program without catrust, and report this problem");
}

struct ssl *binding_ssl(const char *name, const void *caller, const SSL_CTX *ctx,
			const SSL_METHOD *method)
{
	const void *real = owner_of(ctx, method, name);
	struct ssl *s;

	if (real == NULL)
		real = known(ssls, caller) != NULL ? caller : real_seen_from(caller, name);
	/* The main program and the libraries that it was started with bind in this order. */
	if (real == NULL)
		real = dl_symbol(RTLD_NEXT, name);
	s = real == NULL ? NULL : copy_at(ssls, real, ssl_new);
	if (s == NULL)
		tell_unbound(name);
	return s;
}

/*
 * Only libssl can tell the role of a verification, so the libssl that the caller can see is
 * recorded. This is done once for each calling place, because the dynamic linker takes locks. If
 * another object is loaded at the same place later, its libssl is recorded when it verifies.
 */
static void find_ssl(const void *caller)
{
	static _Atomic(const void *) asked[64];
	size_t slot = ((uintptr_t)caller >> 2) % (sizeof(asked) / sizeof(*asked));
	const void *real;

	if (config_is(SET_OFF) ||
	    atomic_load_explicit(&asked[slot], memory_order_relaxed) == caller)
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
	/* The store first: if its copy is known, this needs no lock of the dynamic linker. */
	real = owner_of_store(store, name);
	if (real == NULL)
		real = real_for(caller, name);
	c = real == NULL ? NULL : copy_at(cryptos, real, crypto_new);
	if (c == NULL)
		tell_unbound(name);
	else
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
