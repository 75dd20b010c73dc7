/* SPDX-License-Identifier: Apache-2.0 */
/* The exported functions, made from hooks.def: bind, call the real one, do what the rule says. */
#include "attach.h"
#include "binding.h"
#include "compat.h"
#include "config.h"
#include "seen.h"
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
	if (ctx != NULL && is_ours_to_see(s->crypto, s->usable))
		load->store = s->api.SSL_CTX_get_cert_store(ctx);
	load->scope = binding_enter(s->crypto, true);
	errno = load->saved_errno;
	return true;
}

/* The same for a bare store, or the store of a lookup; the other is NULL. */
static bool begin_x509(struct load *load, const char *name, const void *caller, X509_STORE *store,
		       const X509_LOOKUP *lookup)
{
	struct crypto *c;

	*load = (struct load){.saved_errno = errno};
	load->crypto = c = binding_crypto(name, caller, store, lookup);
	if (c == NULL)
		return false;
	if (is_ours_to_see(c, c->usable))
		load->store = lookup == NULL ? store : c->api.X509_LOOKUP_get_store(lookup);
	load->scope = binding_enter(c, true);
	errno = load->saved_errno;
	return true;
}

/* After the real call. */
static void leave(struct load *load)
{
	load->saved_errno = errno;
	binding_leave(load->scope);
}

static void end_ssl(struct load *load, const SSL_CTX *ctx, bool loaded, struct attach_source from)
{
	enum attach_owner owner = ATTACH_OTHER;

	leave(load);
	if (load->store == NULL)
		return;
	if (attach_is_client_method(load->ssl, load->ssl->api.SSL_CTX_get_ssl_method(ctx)))
		owner = ATTACH_CLIENT;
	attach_after_load(load->crypto, load->store, owner, &from, loaded);
}

static void end_x509(struct load *load, bool loaded, struct attach_source from)
{
	leave(load);
	if (load->store != NULL)
		attach_after_load(load->crypto, load->store, ATTACH_UNKNOWN, &from, loaded);
}

/* What a command to a lookup names; the parameters as in by_file.c, by_dir.c and by_store.c. */
static struct attach_source source_of(const struct load *load, const X509_LOOKUP *lookup,
				      int command, const char *name, long type)
{
	struct attach_source from = {.type = type};

	if (load->store == NULL)
		return from;
	from.elsewhere = !binding_is_own_lookup(load->crypto, lookup);
	if (from.elsewhere)
		return from;
	if (command == X509_L_FILE_LOAD)
		from.file = type == X509_FILETYPE_DEFAULT ? LOAD_DEFAULTS : name;
	else if (command == X509_L_ADD_DIR)
		from.dirs = type == X509_FILETYPE_DEFAULT ? LOAD_DEFAULTS : name;
	else if (command == X509_L_ADD_STORE || command == X509_L_LOAD_STORE)
		from.uri = name;
	return from;
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

#define SOURCE(of_file, of_dir, of_uri)                                                            \
	((struct attach_source){                                                                   \
		.file = of_file, .dirs = of_dir, .uri = of_uri, .type = X509_FILETYPE_PEM})

#define HOOK_SSL_LOAD(name, params, args, ...)                                                     \
	EXPORT int name params                                                                     \
	{                                                                                          \
		struct load load;                                                                  \
		int ret = 0;                                                                       \
                                                                                                   \
		if (begin_ssl(&load, #name, __builtin_return_address(0), ctx)) {                   \
			if (load.ssl->real.name != NULL)                                           \
				ret = load.ssl->real.name args;                                    \
			end_ssl(&load, ctx, ret == 1, SOURCE(__VA_ARGS__));                        \
		}                                                                                  \
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
			load.store = load.store == NULL ? NULL : store;                            \
			end_ssl(&load, ctx, true, SOURCE(NULL, NULL, NULL));                       \
		}                                                                                  \
		errno = load.saved_errno;                                                          \
	}

/* Nothing is loaded, but the store may not be a client's any more. */
#define HOOK_SSL_METHOD(name, params, args)                                                        \
	EXPORT int name params                                                                     \
	{                                                                                          \
		struct load load;                                                                  \
		int ret = 0;                                                                       \
                                                                                                   \
		if (begin_ssl(&load, #name, __builtin_return_address(0), ctx)) {                   \
			if (load.ssl->real.name != NULL)                                           \
				ret = load.ssl->real.name args;                                    \
			end_ssl(&load, ctx, false, SOURCE(NULL, NULL, NULL));                      \
		}                                                                                  \
		errno = load.saved_errno;                                                          \
		return ret;                                                                        \
	}

#define HOOK_X509_LOAD(name, params, args, ...)                                                    \
	EXPORT int name params                                                                     \
	{                                                                                          \
		struct load load;                                                                  \
		int ret = 0;                                                                       \
                                                                                                   \
		if (begin_x509(&load, #name, __builtin_return_address(0), store, NULL)) {          \
			if (load.crypto->real.name != NULL)                                        \
				ret = load.crypto->real.name args;                                 \
			end_x509(&load, ret == 1, SOURCE(__VA_ARGS__));                            \
		}                                                                                  \
		errno = load.saved_errno;                                                          \
		return ret;                                                                        \
	}

#define HOOK_X509_LOOKUP(name, params, args)                                                       \
	EXPORT int name params                                                                     \
	{                                                                                          \
		struct load load;                                                                  \
		int ret = 0;                                                                       \
                                                                                                   \
		if (begin_x509(&load, #name, __builtin_return_address(0), NULL, lookup)) {         \
			if (load.crypto->real.name != NULL)                                        \
				ret = load.crypto->real.name args;                                 \
			end_x509(&load, ret == 1,                                                  \
				 source_of(&load, lookup, command, source, type));                 \
		}                                                                                  \
		errno = load.saved_errno;                                                          \
		return ret;                                                                        \
	}

#define HOOK_X509_ADD(name, params, args)                                                          \
	EXPORT int name params                                                                     \
	{                                                                                          \
		struct load load;                                                                  \
		int ret = 0;                                                                       \
                                                                                                   \
		if (begin_x509(&load, #name, __builtin_return_address(0), store, NULL)) {          \
			ret = load.crypto->real.name args;                                         \
			leave(&load);                                                              \
			if (load.store != NULL && ret == 1)                                        \
				attach_after_add(load.crypto, store, cert);                        \
		}                                                                                  \
		errno = load.saved_errno;                                                          \
		return ret;                                                                        \
	}

#define HOOK_X509_VERIFY(name, params, args)                                                       \
	EXPORT int name params                                                                     \
	{                                                                                          \
		int saved_errno = errno, ret = 0;                                                  \
		struct crypto *c = binding_crypto(#name, __builtin_return_address(0), NULL, NULL); \
		struct binding_scope scope;                                                        \
		struct verification *v = NULL;                                                     \
		bool ours = c != NULL && config.active && c->usable && verify_is_wanted(c, ctx);   \
                                                                                                   \
		if (c == NULL)                                                                     \
			goto out;                                                                  \
		if (ours) {                                                                        \
			seen_note(seen.verified, (uintptr_t)c->real.name);                         \
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
		if (ours) {                                                                        \
			verify_end(v, ret);                                                        \
			if (binding_is_ssl(__builtin_return_address(0)))                           \
				attach_cut_own_chain(c, ctx);                                      \
		}                                                                                  \
	out:                                                                                       \
		errno = saved_errno;                                                               \
		return ret;                                                                        \
	}

#include "hooks.def"
