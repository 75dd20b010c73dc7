/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LOAD_LOAD_H
#define CATRUST_LOAD_LOAD_H

#include "openssl/binding.h"

/*
 * Loads of trust into stores; each file is decoded once for the process. Only functions of
 * libcrypto are hooked for it: libssl's own loads call them across the border of the two libraries.
 *
 * Nothing here depends on the trust directories. With CATRUST_SHARE=off, nothing is done.
 */

/* What a call loads into a store; NULL: the call does not name it. */
struct load_source {
	const char *file, *dir;
	bool defaults; /* all of OpenSSL's default places */
	/*
	 * Certificates belong to a library context; only those of the default context are shared.
	 */
	const OSSL_LIB_CTX *libctx;
	const char *propq;
};

/*
 * Replaces a real function. True: done, and *ret is its result. False:
 * nothing was loaded, and the real function must be called. errno and the error queue are as the
 * real function leaves them.
 */
bool load_store(struct crypto *crypto, X509_STORE *store, const struct load_source *from, int *ret);

/* The same for X509_LOOKUP_ctrl(). */
bool load_lookup(struct crypto *crypto, X509_LOOKUP *lookup, int command, const char *name,
		 long type, const OSSL_LIB_CTX *libctx, const char *propq, int *ret);

#endif
