/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CONTEXT_H
#define CATRUST_CONTEXT_H

#include "openssl/binding.h"

/*
 * A thread may have a default library context of its own (OSSL_LIB_CTX_set0_default(3)), which may
 * lack algorithms. The shim decodes its certificates in the one that OpenSSL begins with. 1.1.1 has
 * no library contexts.
 */
static inline bool context_is_known(const struct crypto *crypto)
{
	return crypto->api.OSSL_LIB_CTX_set0_default != NULL &&
	       crypto->api.OSSL_LIB_CTX_get0_global_default != NULL;
}

/* Is that one this thread's default? */
static inline bool context_is_global(const struct crypto *crypto)
{
	return !context_is_known(crypto) || crypto->api.OSSL_LIB_CTX_set0_default(NULL) ==
						    crypto->api.OSSL_LIB_CTX_get0_global_default();
}

/* Between these two calls, it is. */
static inline OSSL_LIB_CTX *context_enter(const struct crypto *crypto)
{
	return context_is_known(crypto) ? crypto->api.OSSL_LIB_CTX_set0_default(
						  crypto->api.OSSL_LIB_CTX_get0_global_default())
					: NULL;
}

static inline void context_leave(const struct crypto *crypto, OSSL_LIB_CTX *before)
{
	if (before != NULL)
		crypto->api.OSSL_LIB_CTX_set0_default(before);
}

#endif
