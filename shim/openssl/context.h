/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CONTEXT_H
#define CATRUST_CONTEXT_H

#include "openssl/binding.h"

/*
 * A thread may have a default library context of its own (OSSL_LIB_CTX_set0_default(3)). It may
 * lack algorithms, and the program may free it, so nothing that stays is decoded in it. Bundles are
 * decoded in the global context, for which they were loaded. 1.1.1 has no library contexts.
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

/*
 * The same for anchors: between this and context_leave(), the global context is the thread's
 * default if it was, or else a context of the shim's. A program that works in its own context may
 * have shut the global one (OSSL_PROVIDER-null(7)); using it would also load its default provider.
 */
static inline OSSL_LIB_CTX *context_enter_for_anchors(struct crypto *crypto)
{
	OSSL_LIB_CTX *known, *mine;

	if (context_is_global(crypto))
		return NULL;
	known = atomic_load(&crypto->context);
	if (known == NULL && crypto->api.OSSL_LIB_CTX_new != NULL &&
	    (mine = crypto->api.OSSL_LIB_CTX_new()) != NULL) {
		if (atomic_compare_exchange_strong(&crypto->context, &known, mine))
			known = mine;
		else
			crypto->api.OSSL_LIB_CTX_free(mine);
	}
	return known == NULL ? context_enter(crypto) : crypto->api.OSSL_LIB_CTX_set0_default(known);
}

static inline void context_leave(const struct crypto *crypto, OSSL_LIB_CTX *before)
{
	if (before != NULL)
		crypto->api.OSSL_LIB_CTX_set0_default(before);
}

#endif
