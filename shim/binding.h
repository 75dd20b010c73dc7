/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_BINDING_H
#define CATRUST_BINDING_H

#include "object.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Whose OpenSSL is this? Several copies of OpenSSL live in one process in practice (conda's beside
 * the one in a wheel), so each call is bound to the caller's own, and no object of one copy ever
 * meets a function of another. All of it is without locks: what is found is published once and
 * stays, so a fork at any point leaves the child with a whole picture.
 */

/* The hooked functions as one copy has them; NULL where its version does not. */
struct ssl_real {
#define HOOK_SSL_NEW(name, ...) __typeof__(name) *name;
#define HOOK_SSL_LOAD(name, ...) __typeof__(name) *name;
#include "hooks.def"
};

struct crypto_real {
#define HOOK_X509_METHOD(name, ...) __typeof__(name) *name;
#define HOOK_X509_VERIFY(name, ...) __typeof__(name) *name;
#include "hooks.def"
};

/* What the shim itself calls. All of it is in OpenSSL 1.1.1 to 4.0. */
#define CRYPTO_API(X)                                                                              \
	X(ASN1_STRING_get0_data)                                                                   \
	X(ASN1_STRING_length)                                                                      \
	X(ASN1_STRING_to_UTF8)                                                                     \
	X(CRYPTO_free)                                                                             \
	X(CRYPTO_get_ex_new_index)                                                                 \
	X(ERR_pop_to_mark)                                                                         \
	X(ERR_set_mark)                                                                            \
	X(EVP_sha256)                                                                              \
	X(OBJ_nid2obj)                                                                             \
	X(OPENSSL_sk_free)                                                                         \
	X(OPENSSL_sk_new_null)                                                                     \
	X(OPENSSL_sk_num)                                                                          \
	X(OPENSSL_sk_pop)                                                                          \
	X(OPENSSL_sk_pop_free)                                                                     \
	X(OPENSSL_sk_push)                                                                         \
	X(OPENSSL_sk_value)                                                                        \
	X(OpenSSL_version)                                                                         \
	X(OpenSSL_version_num)                                                                     \
	X(X509_EXTENSION_get_data)                                                                 \
	X(X509_LOOKUP_file)                                                                        \
	X(X509_LOOKUP_hash_dir)                                                                    \
	X(X509_NAME_ENTRY_get_data)                                                                \
	X(X509_NAME_cmp)                                                                           \
	X(X509_NAME_free)                                                                          \
	X(X509_NAME_get_entry)                                                                     \
	X(X509_NAME_get_index_by_NID)                                                              \
	X(X509_NAME_oneline)                                                                       \
	X(X509_STORE_CTX_free)                                                                     \
	X(X509_STORE_CTX_get0_cert)                                                                \
	X(X509_STORE_CTX_get0_chain)                                                               \
	X(X509_STORE_CTX_get0_param)                                                               \
	X(X509_STORE_CTX_get0_store)                                                               \
	X(X509_STORE_CTX_get0_untrusted)                                                           \
	X(X509_STORE_CTX_get1_certs)                                                               \
	X(X509_STORE_CTX_get_check_issued)                                                         \
	X(X509_STORE_CTX_get_error)                                                                \
	X(X509_STORE_CTX_get_error_depth)                                                          \
	X(X509_STORE_CTX_get_ex_data)                                                              \
	X(X509_STORE_CTX_get_get_issuer)                                                           \
	X(X509_STORE_CTX_get_lookup_certs)                                                         \
	X(X509_STORE_CTX_get_num_untrusted)                                                        \
	X(X509_STORE_CTX_get_verify)                                                               \
	X(X509_STORE_CTX_get_verify_cb)                                                            \
	X(X509_STORE_CTX_init)                                                                     \
	X(X509_STORE_CTX_new)                                                                      \
	X(X509_STORE_CTX_set0_param)                                                               \
	X(X509_STORE_CTX_set0_trusted_stack)                                                       \
	X(X509_STORE_CTX_set0_untrusted)                                                           \
	X(X509_STORE_CTX_set_current_cert)                                                         \
	X(X509_STORE_CTX_set_error)                                                                \
	X(X509_STORE_CTX_set_error_depth)                                                          \
	X(X509_STORE_CTX_set_ex_data)                                                              \
	X(X509_STORE_CTX_set_verify)                                                               \
	X(X509_STORE_CTX_set_verify_cb)                                                            \
	X(X509_STORE_free)                                                                         \
	X(X509_STORE_get_ex_data)                                                                  \
	X(X509_STORE_new)                                                                          \
	X(X509_STORE_set_ex_data)                                                                  \
	X(X509_VERIFY_PARAM_clear_flags)                                                           \
	X(X509_VERIFY_PARAM_free)                                                                  \
	X(X509_VERIFY_PARAM_get_flags)                                                             \
	X(X509_VERIFY_PARAM_get_time)                                                              \
	X(X509_VERIFY_PARAM_new)                                                                   \
	X(X509_VERIFY_PARAM_set1)                                                                  \
	X(X509_VERIFY_PARAM_set_flags)                                                             \
	X(X509_add1_trust_object)                                                                  \
	X(X509_check_purpose)                                                                      \
	X(X509_cmp)                                                                                \
	X(X509_cmp_time)                                                                           \
	X(X509_digest)                                                                             \
	X(X509_free)                                                                               \
	X(X509_get0_notAfter)                                                                      \
	X(X509_get0_notBefore)                                                                     \
	X(X509_get0_pubkey)                                                                        \
	X(X509_get_ext)                                                                            \
	X(X509_get_ext_by_NID)                                                                     \
	X(X509_get_extension_flags)                                                                \
	X(X509_get_issuer_name)                                                                    \
	X(X509_get_subject_name)                                                                   \
	X(X509_pubkey_digest)                                                                      \
	X(X509_trusted)                                                                            \
	X(X509_up_ref)                                                                             \
	X(X509_verify)                                                                             \
	X(X509_verify_cert_error_string)                                                           \
	X(d2i_X509)                                                                                \
	X(d2i_X509_NAME)
/* Since 3.0; NULL before. */
#define CRYPTO_API_3(X)                                                                            \
	X(X509_LOOKUP_store)                                                                       \
	X(X509_VERIFY_PARAM_get0_host)                                                             \
	X(X509_VERIFY_PARAM_get1_ip_asc)

#define SSL_API(X)                                                                                 \
	X(SSL_CTX_get_ssl_method)                                                                  \
	X(SSL_get_ex_data_X509_STORE_CTX_idx)                                                      \
	X(SSL_get_rfd)                                                                             \
	X(SSL_get_servername)                                                                      \
	X(SSL_get_verify_mode)                                                                     \
	X(SSL_is_server)
#define API_SLOT(name) __typeof__(name) *name;

/* Optional. */
#define SSL_API_OPTIONAL(X) X(SSL_get0_dane)

struct stock;
struct trust;

/* One copy of libcrypto. */
struct crypto {
	struct module module; /* first */
	bool usable;	      /* OpenSSL 1.1.1 or later, and complete; others are passed through */
	struct crypto_real real;
	struct {
		CRYPTO_API(API_SLOT)
		CRYPTO_API_3(API_SLOT)
	} api;
	void *(*err_state)(void);	     /* ERR_get_state() of 1.1.1; NULL in others */
	atomic_int loan_index, lookup_index; /* of ex_data, -1: none yet (verify.c) */
	_Atomic(struct stock *) stock;	     /* verify.c */
	_Atomic(struct trust *) trust;	     /* trust.c */
};

enum { CLIENT_METHODS_MAX = 12 };

/* One copy of libssl, and the libcrypto that it stands on. */
struct ssl {
	struct module module; /* first */
	struct crypto *crypto;
	bool usable; /* as is its crypto */
	struct ssl_real real;
	struct {
		SSL_API(API_SLOT)
		SSL_API_OPTIONAL(API_SLOT)
	} api;
	const SSL_METHOD *client_method[CLIENT_METHODS_MAX]; /* all client-only ones, up to NULL */
};

/*
 * The copy behind a call of the hooked function name. caller: the hook's return address; ctx,
 * method and store: the call's own, or NULL. NULL where there is no copy to be found; this
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

/* Is it one of OpenSSL's own ways to find certificates? */
bool binding_is_stock_lookup(const struct crypto *crypto, const X509_LOOKUP_METHOD *method);

/* Does an address lie in a copy that is known already? Without a lock. */
bool binding_knows(const void *address);

/* The real function behind a call of a hook, where it is none of OpenSSL's; NULL, and told, as
 * above. */
void *binding_real(const char *name, const void *caller);

/* The libssl that a verification belongs to, and its SSL; NULL where it is none of TLS. */
struct ssl *binding_ssl_of(struct crypto *crypto, X509_STORE_CTX *ctx, SSL **ret);

/*
 * The real functions run between these two. A tail call inside OpenSSL makes the shim itself the
 * caller of a hooked function; then the copy entered last is meant.
 */
struct binding_scope {
	struct crypto *last;
	bool working; /* between binding_work_begin() and _end() */
	int *top;     /* in 1.1.1, the flags of the error that the work began above, or NULL */
	int top_flags;
};
struct binding_scope binding_enter(struct crypto *crypto);
void binding_leave(struct binding_scope scope);

/* Round the shim's own calls of a copy: their errors never reach the program's queue. */
struct binding_scope binding_work_begin(struct crypto *crypto);
void binding_work_end(struct crypto *crypto, struct binding_scope scope);

/*
 * Drops the errors of the work so far, lest they pile up: the queue is a ring of 16, and what is
 * too much pushes out the program's oldest. There is no way to keep those where the queue is almost
 * full and a single call leaves more errors than there is room.
 */
void binding_work_forget(const struct crypto *crypto);

#endif
