/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_OPENSSL_CALLS_H
#define CATRUST_OPENSSL_CALLS_H

#include "openssl/binding.h"

/*
 * After this, X509_cmp(a, b) calls that function of the copy that the variable c (const struct
 * crypto *) stands for, and SSL_is_server(ssl) that of s (const struct ssl *): for each row of
 * openssl.def, a macro. The prototypes are OpenSSL's own, so a wrong argument does not compile.
 *
 * Included last, by .c files alone.
 */
#include "openssl/openssl_names.h"

/*
 * Stacks of certificates. OpenSSL's own sk_X509_num() and the like call functions that only newer
 * copies have. NULL is an empty stack.
 */
static inline STACK_OF(X509) * certs_new(const struct crypto *c)
{
	return (STACK_OF(X509) *)OPENSSL_sk_new_null();
}

static inline int certs_count(const struct crypto *c, const STACK_OF(X509) * certs)
{
	int count = OPENSSL_sk_num((const OPENSSL_STACK *)certs);

	return count < 0 ? 0 : count;
}

static inline X509 *certs_at(const struct crypto *c, const STACK_OF(X509) * certs, int i)
{
	return OPENSSL_sk_value((const OPENSSL_STACK *)certs, i);
}

/* Adds a reference of its own; false if that fails, and nothing is added. */
static inline bool certs_add(const struct crypto *c, STACK_OF(X509) * certs, X509 *cert)
{
	if (X509_up_ref(cert) != 1)
		return false;
	if (OPENSSL_sk_push((OPENSSL_STACK *)certs, cert) > 0)
		return true;
	X509_free(cert);
	return false;
}

/* Takes out the last and returns it, with its reference; NULL if there is none. */
static inline X509 *certs_pop(const struct crypto *c, STACK_OF(X509) * certs)
{
	return OPENSSL_sk_pop((OPENSSL_STACK *)certs);
}

/* Frees a stack, and the references that it has. */
static inline void certs_free(const struct crypto *c, STACK_OF(X509) * certs)
{
	OPENSSL_sk_pop_free((OPENSSL_STACK *)certs, (OPENSSL_sk_freefunc)X509_free);
}

#endif
