/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exported functions, made from hooks.def. Each finds the caller's library, calls the real
 * function, and does what its kind of row says.
 */
#include "load/deferred.h"
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
	int saved_errno; /* the program's errno, before the call and after */
};

/* Before the real call; false if there is none. */
static bool begin(struct call *call, struct ssl *ssl, struct crypto *crypto)
{
	if (crypto == NULL)
		return false;
	call->ssl = ssl;
	call->crypto = crypto;
	call->scope = binding_enter(crypto);
	errno = call->saved_errno;
	return true;
}

static bool begin_ssl(struct call *call, const char *name, const void *caller, const SSL_CTX *ctx,
		      const SSL_METHOD *method)
{
	struct ssl *s = binding_ssl(name, caller, ctx, method);

	return begin(call, s, s == NULL ? NULL : s->crypto);
}

/* After the real call. The shim's own calls follow, and then end(). */
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
	return config_active() && call->crypto->usable && (call->ssl == NULL || call->ssl->usable);
}

/*
 * Was a client made, or has it loaded trust? Then what the trust directories have now counts for
 * it, even if the program gives up its root directory, its user or system calls meanwhile.
 */
static bool read_for_client(struct call *call, const SSL_METHOD *method)
{
	struct binding_scope scope;

	if (!is_ours_to_see(call) || !binding_is_client_method(call->ssl, method))
		return false;
	scope = binding_work_begin(call->crypto);
	trust_read(call->crypto);
	binding_work_end(call->crypto, scope);
	return true;
}

/*
 * Loads are deferred only if the program itself has called a hook. SSL_CTX_new() calls
 * SSL_CTX_new_ex(), which comes here even if the program found all its functions with dlsym(). Such
 * a program could get at the store without a hook.
 */
static void end_new(struct call *call, const SSL_CTX *ctx, const SSL_METHOD *method,
		    bool by_program)
{
	leave(call);
	if (ctx != NULL && read_for_client(call, method) && by_program)
		deferred_begin(call->crypto, call->ssl->api.SSL_CTX_get_cert_store(ctx));
	end(call);
}

static void end_load(struct call *call, const SSL_CTX *ctx, bool loaded)
{
	leave(call);
	if (ctx != NULL && is_ours_to_see(call)) {
		/*
		 * The program may have loaded trust in a way that is not hooked. Later loads must
		 * come after that, so they are no longer deferred.
		 */
		deferred_stop(call->crypto, call->ssl->api.SSL_CTX_get_cert_store(ctx));
		if (loaded)
			read_for_client(call, call->ssl->api.SSL_CTX_get_ssl_method(ctx));
	}
	end(call);
}

/*
 * The program gets hold of a store. If OpenSSL is linked that way, its internal calls come here,
 * too.
 */
static void end_store(struct call *call, const void *caller, X509_STORE *store)
{
	leave(call);
	if (is_ours_to_see(call) && !module_has(call->crypto->module, caller))
		deferred_end(call->crypto, store);
	end(call);
}

static void end_method(struct call *call, X509_STORE *store, const X509_LOOKUP_METHOD *method)
{
	leave(call);
	if (is_ours_to_see(call) && store != NULL) {
		if (method != call->crypto->api.X509_LOOKUP_file())
			deferred_stop(call->crypto, store);
		lend_note_lookup(call->crypto, store, method);
	}
	end(call);
}

static struct verification begin_verify(struct call *call, X509_STORE_CTX *ctx)
{
	struct verification v = {.ssl = NULL};

	seen_note(seen.verified, (uintptr_t)call->crypto->real.X509_verify_cert);
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

/*
 * The body of a hooked function. begun: the result of begin_…(). The code that follows calls the
 * real function, and ends the call.
 */
#define CALLER __builtin_return_address(0)
#define HOOK(type, failed, name, params, begun, ...)                                               \
	EXPORT type name params                                                                    \
	{                                                                                          \
		struct call call = {.saved_errno = errno};                                         \
		type ret = failed;                                                                 \
                                                                                                   \
		if (begun) {                                                                       \
			__VA_ARGS__;                                                               \
		}                                                                                  \
		return ret;                                                                        \
	}

/*
 * Calls the real function, unless this version of the copy lacks it, or the shim has done its work
 * already.
 */
#define REAL(copy, name, args, done)                                                               \
	if (call.copy->real.name != NULL && !(done))                                               \
	ret = call.copy->real.name args

#define HOOK_SSL_NEW(name, params, args, by_program)                                               \
	HOOK(SSL_CTX *, NULL, name, params, begin_ssl(&call, #name, CALLER, NULL, method),         \
	     REAL(ssl, name, args, false);                                                         \
	     end_new(&call, ret, method, by_program))

#define HOOK_SSL_LOAD(name, params, args)                                                          \
	HOOK(int, 0, name, params, begin_ssl(&call, #name, CALLER, ctx, NULL),                     \
	     REAL(ssl, name, args, false);                                                         \
	     end_load(&call, ctx, ret == 1))

#define HOOK_SSL_STORE(name, params, args)                                                         \
	HOOK(X509_STORE *, NULL, name, params, begin_ssl(&call, #name, CALLER, ctx, NULL),         \
	     REAL(ssl, name, args, false);                                                         \
	     end_store(&call, CALLER, ret))

#define BEGIN_X509(name, store) begin(&call, NULL, binding_crypto(#name, CALLER, store))
#define BEGIN_LOAD() binding_load_begin(call.crypto, call.scope, CALLER)

#define HOOK_X509_LOAD(name, params, args, ...)                                                    \
	HOOK(int, 0, name, params, BEGIN_X509(name, store),                                        \
	     const struct load_source from = {__VA_ARGS__};                                        \
	     REAL(crypto, name, args,                                                              \
		  BEGIN_LOAD() && load_store(call.crypto, store, &from, &ret));                    \
	     leave(&call); end(&call))

#define HOOK_X509_LOOKUP(name, params, args, libctx, propq)                                        \
	HOOK(int, 0, name, params, BEGIN_X509(name, NULL),                                         \
	     REAL(crypto, name, args,                                                              \
		  BEGIN_LOAD() && load_lookup(call.crypto, lookup, command, source, type, libctx,  \
					      propq, &ret));                                       \
	     leave(&call); end(&call))

#define HOOK_X509_METHOD(name, params, args)                                                       \
	HOOK(X509_LOOKUP *, NULL, name, params, BEGIN_X509(name, store),                           \
	     REAL(crypto, name, args, false);                                                      \
	     end_method(&call, store, method))

#define HOOK_X509_STORE(name, params, args)                                                        \
	HOOK(X509_STORE *, NULL, name, params, BEGIN_X509(name, NULL),                             \
	     REAL(crypto, name, args, false);                                                      \
	     end_store(&call, CALLER, ret))

#define HOOK_X509_VERIFY(name, params, args)                                                       \
	HOOK(int, 0, name, params, BEGIN_X509(name, NULL),                                         \
	     struct verification v = begin_verify(&call, ctx);                                     \
	     ret = call.crypto->real.name args; end_verify(&call, &v, ret))

#define HOOK_SSL(kind, ...) HOOK_SSL_##kind(__VA_ARGS__)
#define HOOK_X509(kind, ...) HOOK_X509_##kind(__VA_ARGS__)
#include "hooks.def"
