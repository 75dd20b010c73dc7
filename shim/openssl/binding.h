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

/* A type of OpenSSL 3.3; the headers at hand may be older. */
STACK_OF(X509_OBJECT) * X509_STORE_get1_objects(X509_STORE *store);

/*
 * Finds the copy of OpenSSL that a call belongs to. A process may have several copies (conda's
 * beside the one in a wheel, for instance). So each call is bound to the caller's own copy, and no
 * object of one copy ever reaches a function of another. There are no locks: what is found is
 * published once and stays, so a fork at any point leaves the child with a complete state.
 */

/* The hooked functions of one copy; NULL if its version lacks one. */
struct ssl_real {
#define HOOK_SSL(kind, name, ...) __typeof__(name) *name;
#include "hooks.def"
};

struct crypto_real {
#define HOOK_X509(kind, name, ...) __typeof__(name) *name;
#include "hooks.def"
};

/* The purposes that functions of OpenSSL serve: the kinds of rows in openssl.def. */
enum use { LENDING = 1, SCOPES = 2, PUBLIC = 4, MESSAGES = 8, OPTIONAL = 16, SHARING = 32 };

struct stock;
struct trust;

/* One copy of libcrypto. */
struct crypto {
	struct module module; /* first */
	unsigned char lacks;  /* the purposes for which a function is missing: values of enum use */
	bool usable; /* 1.1.1 or later, with the necessary functions; if not, calls pass through */
	struct crypto_real real;
	struct {
#define OPENSSL_CRYPTO(use, name) __typeof__(name) *name;
#include "openssl/openssl.def"
	} api;
	void *(*err_state)(void); /* ERR_get_state() of 1.1.1; NULL in others */
	/* Indexes of ex_data (lend.c, load/); -1: none yet. */
	atomic_int loan_index, lookup_index, directory_index, deferred_index;
	_Atomic(OSSL_LIB_CTX *) context; /* context.h */
	_Atomic(X509_LOOKUP_METHOD *) deferred_method;
	_Atomic(struct stock *) stock; /* lend.c */
	_Atomic(struct trust *) trust; /* trust.c */
	atomic_bool told;	       /* unserved.c */
};

enum { CLIENT_METHODS_MAX = 12 };

/* One copy of libssl, and the libcrypto that it uses. */
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
	const SSL_METHOD
		*client_method[CLIENT_METHODS_MAX]; /* all methods for clients only, up to NULL */
};

/*
 * The copy behind a call of the hooked function name. caller: the hook's return address; ctx,
 * method and store: those of the call, or NULL. Returns NULL if no copy is found, and logs that
 * once per process.
 */
struct ssl *binding_ssl(const char *name, const void *caller, const SSL_CTX *ctx,
			const SSL_METHOD *method);
struct crypto *binding_crypto(const char *name, const void *caller, const X509_STORE *store);

/*
 * The copy that calls one of our callbacks. caller: the callback's return address. After a tail
 * call it may lie in the shim itself; then the copy that was called last is meant.
 */
struct crypto *binding_calling(const void *caller);

/* Is it a method that can only make clients? */
bool binding_is_client_method(const struct ssl *ssl, const SSL_METHOD *method);

/* Does an address lie in a copy that is known already? Without a lock. */
bool binding_knows(const void *address);

/*
 * The real function behind a hook on a library other than OpenSSL; NULL, with a message, as above.
 */
void *binding_real(const char *name, const void *caller);

/* The libssl that a verification belongs to, and its SSL; NULL if it is not part of a TLS
 * connection. */
struct ssl *binding_ssl_of(struct crypto *crypto, X509_STORE_CTX *ctx, SSL **ret);

/* The state of the program's error queue before the shim's own calls (errors.h). */
struct errors {
	int *top; /* in 1.1.1, the flags of the topmost error, or NULL */
	int top_flags;
};

/*
 * The real functions run between these two calls. A tail call inside OpenSSL makes the shim itself
 * the caller of a hooked function; then the copy that was entered last is meant.
 */
struct binding_scope {
	struct crypto *last;
	bool working; /* between binding_work_begin() and _end() */
	bool loading; /* since binding_load_begin() */
	struct errors errors;
};
struct binding_scope binding_enter(struct crypto *crypto);
void binding_leave(struct binding_scope scope);

/*
 * After binding_enter(), for a load into a store. False: libcrypto itself calls it, in a load that
 * has begun. The caller alone can't tell that, because libssl makes tail calls, too.
 */
bool binding_load_begin(const struct crypto *crypto, struct binding_scope s, const void *caller);

/*
 * Around the shim's own calls of a copy, so that they leave no errors; the last function drops the
 * errors so far.
 */
struct binding_scope binding_work_begin(struct crypto *crypto);
void binding_work_end(struct crypto *crypto, struct binding_scope scope);
void binding_work_forget(const struct crypto *crypto);

/*
 * An index of ex_data, made when it is first needed; negative if that fails. index: -1 at first. If
 * two threads make one each, the first counts, and the other stays unused.
 */
static inline int binding_ex_index(const struct crypto *crypto, atomic_int *index, int class,
				   CRYPTO_EX_free *free_value)
{
	int known = atomic_load(index), mine;

	if (known >= 0)
		return known;
	mine = crypto->api.CRYPTO_get_ex_new_index(class, 0, NULL, NULL, NULL, free_value);
	return mine < 0 || atomic_compare_exchange_strong(index, &known, mine) ? mine : known;
}

#endif
