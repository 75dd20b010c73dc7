/* SPDX-License-Identifier: Apache-2.0 */
/* The exported functions, made from hooks.def: bind, call the real one, do what the rule says. */
#include "attach.h"
#include "binding.h"
#include "compat.h"
#include "config.h"
#include "verify.h"

#include <errno.h>

#define EXPORT __attribute__((visibility("default")))

/* In hooks.def: a load from OpenSSL's own places, not from one that the call names. */
#define LOAD_DEFAULTS ATTACH_DEFAULTS

/* One call of a hooked function that loads trust. */
struct load {
	struct ssl *ssl; /* NULL for loads into a bare store */
	struct crypto *crypto;
	X509_STORE *store; /* that it loads into; NULL where the call is only passed through */
	bool client;	   /* known to be a client's */
	bool late;	   /* the store had the anchors before */
	struct binding_scope scope;
	int saved_errno; /* the program's, before the call and after */
};

static bool is_ours_to_see(const struct crypto *crypto, bool usable)
{
	return config.active && usable && !binding_is_nested(crypto);
}

/* Before the real call of a load into ctx; false where there is no real one. */
static bool begin_ssl(struct load *load, const char *name, const void *caller, const SSL_CTX *ctx)
{
	struct ssl *s;

	*load = (struct load){.saved_errno = errno};
	load->ssl = s = binding_ssl(name, caller, ctx, NULL);
	if (s == NULL)
		return false;
	load->crypto = s->crypto;
	if (ctx != NULL && is_ours_to_see(s->crypto, s->usable)) {
		load->store = s->api.SSL_CTX_get_cert_store(ctx);
		load->client = attach_is_client_method(s, s->api.SSL_CTX_get_ssl_method(ctx));
		load->late = attach_is_done(s->crypto, load->store);
	}
	load->scope = binding_enter(s->crypto, true);
	errno = load->saved_errno;
	return true;
}

/* The same for a bare store. */
static bool begin_x509(struct load *load, const char *name, const void *caller, X509_STORE *store)
{
	struct crypto *c;

	*load = (struct load){.saved_errno = errno};
	load->crypto = c = binding_crypto(name, caller, store);
	if (c == NULL)
		return false;
	if (is_ours_to_see(c, c->usable)) {
		load->store = store;
		load->client = attach_is_tagged(c, store);
		load->late = attach_is_done(c, store);
	}
	load->scope = binding_enter(c, true);
	errno = load->saved_errno;
	return true;
}

/* After the real call; file and dir as in hooks.def. */
static void end(struct load *load, bool loaded, const char *file, const char *dir)
{
	load->saved_errno = errno;
	binding_leave(load->scope);
	if (load->store != NULL && loaded && (file == LOAD_DEFAULTS || dir == LOAD_DEFAULTS))
		attach_tag_public(load->crypto, load->store);
	if (load->store != NULL && !load->late && dir != NULL)
		attach_look_into(load->crypto, load->store, dir);
	if (load->store != NULL && load->client && !load->late && loaded)
		attach_anchors(load->crypto, load->store);
}

/*
 * Must the load be done again on a scratch store, to see what the program's store ignored or does
 * not look up, as it had the anchors before? Never a load of URIs, which may ask for a PIN.
 */
static bool wants_again(const struct load *load, const char *file, const char *dir)
{
	return load->store != NULL && load->late && (file != NULL || dir != NULL) &&
	       attach_is_concerned(load->crypto, file, dir);
}

#define HOOK_SSL_NEW(name, params, args)                                                           \
	EXPORT SSL_CTX *name params                                                                \
	{                                                                                          \
		int saved_errno = errno;                                                           \
		struct ssl *s = binding_ssl(#name, __builtin_return_address(0), NULL, method);     \
		SSL_CTX *ctx = NULL;                                                               \
		struct binding_scope scope;                                                        \
                                                                                                   \
		errno = saved_errno;                                                               \
		if (s == NULL || s->real.name == NULL)                                             \
			return NULL;                                                               \
		scope = binding_enter(s->crypto, binding_is_nested(s->crypto));                    \
		ctx = s->real.name args;                                                           \
		binding_leave(scope);                                                              \
		saved_errno = errno;                                                               \
		if (ctx != NULL && is_ours_to_see(s->crypto, s->usable) &&                         \
		    attach_is_client_method(s, method))                                            \
			attach_tag_client(s, ctx);                                                 \
		errno = saved_errno;                                                               \
		return ctx;                                                                        \
	}

#define HOOK_SSL_LOAD(name, params, args, file, dir)                                               \
	EXPORT int name params                                                                     \
	{                                                                                          \
		struct load load;                                                                  \
		int ret = 0;                                                                       \
                                                                                                   \
		if (!begin_ssl(&load, #name, __builtin_return_address(0), ctx))                    \
			goto out;                                                                  \
		if (load.ssl->real.name != NULL)                                                   \
			ret = load.ssl->real.name args;                                            \
		end(&load, ret == 1, file, dir);                                                   \
		if (wants_again(&load, file, dir)) {                                               \
			load.scope = binding_work_begin(load.crypto);                              \
			ctx = load.ssl->real.SSL_CTX_new(                                          \
				load.ssl->api.SSL_CTX_get_ssl_method(ctx));                        \
			if (ctx != NULL) {                                                         \
				load.ssl->real.name args;                                          \
				attach_yield_to_all(load.crypto, load.store,                       \
						    load.ssl->api.SSL_CTX_get_cert_store(ctx));    \
				load.ssl->api.SSL_CTX_free(ctx);                                   \
			}                                                                          \
			binding_work_end(load.crypto, load.scope);                                 \
		}                                                                                  \
	out:                                                                                       \
		errno = load.saved_errno;                                                          \
		return ret;                                                                        \
	}

#define HOOK_SSL_STORE(name, params, args)                                                         \
	EXPORT void name params                                                                    \
	{                                                                                          \
		struct load load;                                                                  \
                                                                                                   \
		if (begin_ssl(&load, #name, __builtin_return_address(0), ctx)) {                   \
			if (load.ssl->real.name != NULL)                                           \
				load.ssl->real.name args;                                          \
			load.late = false;                                                         \
			load.store = load.store == NULL ? NULL : store;                            \
			end(&load, true, NULL, NULL);                                              \
		}                                                                                  \
		errno = load.saved_errno;                                                          \
	}

#define HOOK_X509_LOAD(name, params, args, file, dir)                                              \
	EXPORT int name params                                                                     \
	{                                                                                          \
		struct load load;                                                                  \
		int ret = 0;                                                                       \
                                                                                                   \
		if (!begin_x509(&load, #name, __builtin_return_address(0), store))                 \
			goto out;                                                                  \
		if (load.crypto->real.name != NULL)                                                \
			ret = load.crypto->real.name args;                                         \
		end(&load, ret == 1, file, dir);                                                   \
		if (wants_again(&load, file, dir)) {                                               \
			load.scope = binding_work_begin(load.crypto);                              \
			store = load.crypto->api.X509_STORE_new();                                 \
			if (store != NULL) {                                                       \
				load.crypto->real.name args;                                       \
				attach_yield_to_all(load.crypto, load.store, store);               \
				load.crypto->api.X509_STORE_free(store);                           \
			}                                                                          \
			binding_work_end(load.crypto, load.scope);                                 \
		}                                                                                  \
	out:                                                                                       \
		errno = load.saved_errno;                                                          \
		return ret;                                                                        \
	}

#define HOOK_X509_ADD(name, params, args)                                                          \
	EXPORT int name params                                                                     \
	{                                                                                          \
		struct load load;                                                                  \
		int ret = 0;                                                                       \
                                                                                                   \
		if (begin_x509(&load, #name, __builtin_return_address(0), store)) {                \
			ret = load.crypto->real.name args;                                         \
			end(&load, ret == 1, NULL, NULL);                                          \
			if (load.store != NULL && load.late && ret == 1)                           \
				attach_yield_to(load.crypto, store, cert);                         \
		}                                                                                  \
		errno = load.saved_errno;                                                          \
		return ret;                                                                        \
	}

#define HOOK_X509_VERIFY(name, params, args)                                                       \
	EXPORT int name params                                                                     \
	{                                                                                          \
		int saved_errno = errno, ret = 0;                                                  \
		struct crypto *c = binding_crypto(#name, __builtin_return_address(0), NULL);       \
		struct binding_scope scope;                                                        \
		struct verification *v = NULL;                                                     \
		bool ours = c != NULL && config.active && c->usable && verify_is_wanted(c, ctx);   \
                                                                                                   \
		if (c == NULL)                                                                     \
			goto out;                                                                  \
		if (ours) {                                                                        \
			v = verify_begin(c, ctx);                                                  \
			if (v == NULL)                                                             \
				goto out;                                                          \
		}                                                                                  \
		/* Not nested: the program's callbacks may well load trust into other stores. */   \
		scope = binding_enter(c, false);                                                   \
		errno = saved_errno;                                                               \
		ret = c->real.name args;                                                           \
		saved_errno = errno;                                                               \
		binding_leave(scope);                                                              \
		if (ours)                                                                          \
			verify_end(v, ret);                                                        \
	out:                                                                                       \
		errno = saved_errno;                                                               \
		return ret;                                                                        \
	}

#include "hooks.def"
