/* SPDX-License-Identifier: Apache-2.0 */
/* The exported functions, made from hooks.def: bind, call the real one, do what the rule says. */
#include "load/load.h"
#include "openssl/binding.h"
#include "openssl/unserved.h"
#include "policy/current.h"
#include "policy/lend.h"
#include "policy/verification.h"
#include "process/config.h"
#include "process/seen.h"

#include <errno.h>

#define EXPORT __attribute__((visibility("default")))

/* One call of a hooked function. */
struct call {
	struct ssl *ssl; /* NULL for functions of libcrypto */
	struct crypto *crypto;
	struct binding_scope scope;
	int saved_errno; /* the program's, before the call and after */
};

/* Before the real call; false if there is none. */
static bool begin_ssl(struct call *call, const char *name, const void *caller, const SSL_CTX *ctx,
		      const SSL_METHOD *method)
{
	*call = (struct call){.saved_errno = errno};
	call->ssl = binding_ssl(name, caller, ctx, method);
	if (call->ssl == NULL)
		return false;
	call->crypto = call->ssl->crypto;
	call->scope = binding_enter(call->crypto);
	errno = call->saved_errno;
	return true;
}

static bool begin_x509(struct call *call, const char *name, const void *caller,
		       const X509_STORE *store)
{
	*call = (struct call){.saved_errno = errno};
	call->crypto = binding_crypto(name, caller, store);
	if (call->crypto == NULL)
		return false;
	call->scope = binding_enter(call->crypto);
	errno = call->saved_errno;
	return true;
}

/* After the real call. */
static void leave(struct call *call)
{
	call->saved_errno = errno;
	binding_leave(call->scope);
}

static void end(const struct call *call)
{
	errno = call->saved_errno;
}

static bool is_ours_to_see(const struct call *call)
{
	return config.active && call->crypto->usable && (call->ssl == NULL || call->ssl->usable);
}

/* A client is made, or has loaded trust: what the trust directories have now counts for it,
 * whatever the program gives up before it connects (its root directory, its user, system calls). */
static void read_for_client(struct call *call, const SSL_METHOD *method)
{
	struct binding_scope scope;

	if (!is_ours_to_see(call) || !binding_is_client_method(call->ssl, method))
		return;
	scope = binding_work_begin(call->crypto);
	trust_read(call->crypto);
	binding_work_end(call->crypto, scope);
}

static void end_new(struct call *call, const SSL_CTX *ctx, const SSL_METHOD *method)
{
	leave(call);
	if (ctx != NULL)
		read_for_client(call, method);
	end(call);
}

static void end_load(struct call *call, const SSL_CTX *ctx, bool loaded)
{
	leave(call);
	if (loaded && is_ours_to_see(call))
		read_for_client(call, call->ssl->api.SSL_CTX_get_ssl_method(ctx));
	end(call);
}

static void end_method(struct call *call, X509_STORE *store, const X509_LOOKUP_METHOD *method)
{
	leave(call);
	if (is_ours_to_see(call) && store != NULL && !binding_is_stock_lookup(call->crypto, method))
		lend_note_lookup(call->crypto, store);
	end(call);
}

#define HOOK_SSL_NEW(name, params, args)                                                           \
	EXPORT SSL_CTX *name params                                                                \
	{                                                                                          \
		struct call call;                                                                  \
		SSL_CTX *ret = NULL;                                                               \
                                                                                                   \
		if (begin_ssl(&call, #name, __builtin_return_address(0), NULL, method)) {          \
			if (call.ssl->real.name != NULL)                                           \
				ret = call.ssl->real.name args;                                    \
			end_new(&call, ret, method);                                               \
		}                                                                                  \
		return ret;                                                                        \
	}

#define HOOK_SSL_LOAD(name, params, args)                                                          \
	EXPORT int name params                                                                     \
	{                                                                                          \
		struct call call;                                                                  \
		int ret = 0;                                                                       \
                                                                                                   \
		if (begin_ssl(&call, #name, __builtin_return_address(0), ctx, NULL)) {             \
			if (call.ssl->real.name != NULL)                                           \
				ret = call.ssl->real.name args;                                    \
			end_load(&call, ctx, ret == 1);                                            \
		}                                                                                  \
		return ret;                                                                        \
	}

#define HOOK_X509_LOAD(name, params, args, ...)                                                    \
	EXPORT int name params                                                                     \
	{                                                                                          \
		const struct load_source from = {__VA_ARGS__};                                     \
		struct call call;                                                                  \
		int ret = 0;                                                                       \
                                                                                                   \
		if (begin_x509(&call, #name, __builtin_return_address(0), store)) {                \
			if (call.crypto->real.name != NULL &&                                      \
			    !load_store(call.crypto, __builtin_return_address(0), store, &from,    \
					&ret))                                                     \
				ret = call.crypto->real.name args;                                 \
			leave(&call);                                                              \
			end(&call);                                                                \
		}                                                                                  \
		return ret;                                                                        \
	}

#define HOOK_X509_LOOKUP(name, params, args, libctx, propq)                                        \
	EXPORT int name params                                                                     \
	{                                                                                          \
		struct call call;                                                                  \
		int ret = 0;                                                                       \
                                                                                                   \
		if (begin_x509(&call, #name, __builtin_return_address(0), NULL)) {                 \
			if (call.crypto->real.name != NULL &&                                      \
			    !load_lookup(call.crypto, __builtin_return_address(0), lookup,         \
					 command, source, type, libctx, propq, &ret))              \
				ret = call.crypto->real.name args;                                 \
			leave(&call);                                                              \
			end(&call);                                                                \
		}                                                                                  \
		return ret;                                                                        \
	}

#define HOOK_X509_METHOD(name, params, args)                                                       \
	EXPORT X509_LOOKUP *name params                                                            \
	{                                                                                          \
		struct call call;                                                                  \
		X509_LOOKUP *ret = NULL;                                                           \
                                                                                                   \
		if (begin_x509(&call, #name, __builtin_return_address(0), store)) {                \
			if (call.crypto->real.name != NULL)                                        \
				ret = call.crypto->real.name args;                                 \
			end_method(&call, store, method);                                          \
		}                                                                                  \
		return ret;                                                                        \
	}

#define HOOK_X509_VERIFY(name, params, args)                                                       \
	EXPORT int name params                                                                     \
	{                                                                                          \
		struct call call;                                                                  \
		int ret = 0;                                                                       \
                                                                                                   \
		if (begin_x509(&call, #name, __builtin_return_address(0), NULL)) {                 \
			struct verification v = begin_verify(&call, ctx);                          \
                                                                                                   \
			seen_note(seen.verified, (uintptr_t)call.crypto->real.name);               \
			ret = call.crypto->real.name args;                                         \
			end_verify(&call, &v, ret);                                                \
		}                                                                                  \
		return ret;                                                                        \
	}

static struct verification begin_verify(struct call *call, X509_STORE_CTX *ctx)
{
	struct verification v = {.ssl = NULL};

	if (is_ours_to_see(call))
		v = verify_begin(call->crypto, ctx);
	errno = call->saved_errno;
	return v;
}

static void end_verify(struct call *call, struct verification *v, int ret)
{
	leave(call);
	if (ret != 1)
		unserved_tell(call->crypto);
	verify_end(v, ret);
	end(call);
}

#include "hooks.def"
