/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_BINDING_H
#define CATRUST_BINDING_H

#include "openssl/object.h"

#include <openssl/async.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Of OpenSSL 3.3, whose headers these may not be. */
STACK_OF(X509_OBJECT) * X509_STORE_get1_objects(X509_STORE *store);

/*
 * Whose OpenSSL is this? Several copies of OpenSSL live in one process in practice (conda's beside
 * the one in a wheel), so each call is bound to the caller's own, and no object of one copy ever
 * meets a function of another. All of it is without locks: what is found is published once and
 * stays, so a fork at any point leaves the child with a whole picture.
 */

/* The hooked functions as one copy has them; NULL if its version does not. */
struct ssl_real {
#define HOOK_SSL_NEW(name, ...) __typeof__(name) *name;
#define HOOK_SSL_LOAD(name, ...) __typeof__(name) *name;
#define HOOK_SSL_STORE(name, ...) __typeof__(name) *name;
#include "hooks.def"
};

struct crypto_real {
#define HOOK_X509_LOAD(name, ...) __typeof__(name) *name;
#define HOOK_X509_LOOKUP(name, ...) __typeof__(name) *name;
#define HOOK_X509_METHOD(name, ...) __typeof__(name) *name;
#define HOOK_X509_STORE(name, ...) __typeof__(name) *name;
#define HOOK_X509_VERIFY(name, ...) __typeof__(name) *name;
#include "hooks.def"
};

/* What functions of OpenSSL are called for: the kinds of rows in openssl.def. */
enum use { LENDING = 1, SCOPES = 2, PUBLIC = 4, MESSAGES = 8, OPTIONAL = 16, SHARING = 32 };

struct stock;
struct trust;

/* One copy of libcrypto. */
struct crypto {
	struct module module; /* first */
	unsigned char lacks;  /* for what it has not all functions: values of enum use */
	bool usable; /* OpenSSL 1.1.1 or later, and enough of it; others are passed through */
	struct crypto_real real;
	struct {
#define OPENSSL_CRYPTO(use, name) __typeof__(name) *name;
#include "openssl/openssl.def"
	} api;
	void *(*err_state)(void);	     /* ERR_get_state() of 1.1.1; NULL in others */
	atomic_int loan_index, lookup_index; /* of ex_data, -1: none yet (lend.c) */
	atomic_int directory_index;	     /* likewise (load/load.c) */
	atomic_int deferred_index;	     /* likewise (load/deferred.c) */
	_Atomic(X509_LOOKUP_METHOD *) deferred_method;
	_Atomic(struct stock *) stock; /* lend.c */
	_Atomic(struct trust *) trust; /* trust.c */
	atomic_bool told;	       /* unserved.c */
};

enum { CLIENT_METHODS_MAX = 12 };

/* One copy of libssl, and the libcrypto that it stands on. */
struct ssl {
	struct module module; /* first */
	struct crypto *crypto;
	unsigned char lacks;
	bool usable; /* as is its crypto */
	struct ssl_real real;
	struct {
#define OPENSSL_SSL(use, name) __typeof__(name) *name;
#include "openssl/openssl.def"
	} api;
	const SSL_METHOD *client_method[CLIENT_METHODS_MAX]; /* all client-only ones, up to NULL */
};

/*
 * The copy behind a call of the hooked function name. caller: the hook's return address; ctx,
 * method and store: the call's own, or NULL. NULL if there is no copy to be found; this
 * is told once per process.
 */
struct ssl *binding_ssl(const char *name, const void *caller, const SSL_CTX *ctx,
			const SSL_METHOD *method);
struct crypto *binding_crypto(const char *name, const void *caller, const X509_STORE *store);

/*
 * The copy that calls a callback of ours. caller: the callback's return address, which may lie in
 * the shim itself after a tail call; then it is the copy that was called last.
 */
struct crypto *binding_calling(const void *caller);

/* Is method one that can only make clients? */
bool binding_is_client_method(const struct ssl *ssl, const SSL_METHOD *method);

/* Does an address lie in a copy that is known already? Without a lock. */
bool binding_knows(const void *address);

/* The real function behind a hook on another library than OpenSSL; NULL, and told, as above. */
void *binding_real(const char *name, const void *caller);

/* The libssl that a verification belongs to, and its SSL; NULL if it is not part of a TLS
 * connection. */
struct ssl *binding_ssl_of(struct crypto *crypto, X509_STORE_CTX *ctx, SSL **ret);

/* Of the program's queue of errors, before the shim's own calls (errors.h). */
struct errors {
	int *top; /* in 1.1.1, the flags of the topmost error, or NULL */
	int top_flags;
};

/*
 * The real functions run between these two. A tail call inside OpenSSL makes the shim itself the
 * caller of a hooked function; then the copy entered last is meant.
 */
struct binding_scope {
	struct crypto *last;
	bool working; /* between binding_work_begin() and _end() */
	struct errors errors;
};
struct binding_scope binding_enter(struct crypto *crypto);
void binding_leave(struct binding_scope scope);

/* Round the shim's own calls of a copy, which leave no errors; the last drops those so far. */
struct binding_scope binding_work_begin(struct crypto *crypto);
void binding_work_end(struct crypto *crypto, struct binding_scope scope);
void binding_work_forget(const struct crypto *crypto);

/*
 * An index of ex_data, which is made when it is first asked for; negative if that fails. index: -1
 * at first. Two threads may make one each: the first counts, and the other stays unused.
 */
static inline int binding_ex_index(const struct crypto *crypto, atomic_int *index, int class,
				   CRYPTO_EX_free *free_value)
{
	int known = atomic_load(index), mine;

	if (known >= 0)
		return known;
	mine = crypto->api.CRYPTO_get_ex_new_index(class, 0, NULL, NULL, NULL, free_value);
	if (mine < 0)
		return mine;
	return atomic_compare_exchange_strong(index, &known, mine) ? mine : known;
}

#endif
