/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_ATTACH_H
#define CATRUST_ATTACH_H

#include "trust.h"

/*
 * Puts the corporate anchors into stores. None of these changes the ERR queue. errno is the
 * caller's to keep.
 *
 * Nothing is ever taken out of a store: OpenSSL uses what it found there after it has given the
 * lock back (X509_STORE_CTX_get_by_subject). An anchor that is no more is refused when a chain ends
 * at it (policy.h).
 */

/* Is method one that can only make clients? */
bool attach_is_client_method(const struct ssl *ssl, const SSL_METHOD *method);

/* Remembers in a new context's store that it is a client's. */
void attach_tag_client(struct ssl *ssl, SSL_CTX *ctx);
bool attach_is_tagged(struct crypto *crypto, X509_STORE *store);

/* What a load of trust names; NULL where it names none of a kind. */
struct attach_source {
	const char *file;
	const char *dirs; /* several with colons between them */
	const char *uri;
	long type;	/* of files: X509_FILETYPE_... */
	bool elsewhere; /* where a method of the program's own looks */
};
extern const char ATTACH_DEFAULTS[]; /* as a file or directory: OpenSSL's own */

/* Whose the store is that something was loaded into. */
enum attach_owner {
	ATTACH_CLIENT,	/* that of a context which can only make clients */
	ATTACH_OTHER,	/* that of another context */
	ATTACH_UNKNOWN, /* the call does not say: a client's, if it was made with such a context */
};

/*
 * After a program has loaded trust into a store. A client's gets the anchors. Where they are there
 * already, OpenSSL has ignored each certificate that is one of them, and would not look up others
 * of the same name; but a program's own certificates count by themselves (as CAs for clients, or
 * for any name where the anchor has a scope). So they take the anchors' places.
 */
void attach_after_load(struct crypto *crypto, X509_STORE *store, enum attach_owner owner,
		       const struct attach_source *from, bool loaded);

/* The same after it has added one certificate. */
void attach_after_add(struct crypto *crypto, X509_STORE *store, X509 *cert);

/*
 * Brings a client's store up to date: adds the anchors that it lacks, once for each generation.
 * Certificates that are in the store, or in one of its directories, keep the program's own trust
 * settings. Under CATRUST_CONTEXTS=public, only where the store trusts public CAs.
 */
void attach_anchors(struct crypto *crypto, X509_STORE *store);

/* Has the store anchors, or is another thread about to bring them? Once true, always. */
bool attach_is_done(struct crypto *crypto, X509_STORE *store);

/*
 * libssl also builds the chain that it sends along with a certificate of its own from a store, by a
 * verification without an SSL. The anchors are none of the program's to send: such a chain ends
 * before the first.
 */
void attach_cut_own_chain(struct crypto *crypto, X509_STORE_CTX *ctx);

/* A context to look certificates up in a store, its directories included; to be freed with
 * X509_STORE_CTX_free. NULL where there can't be one. */
X509_STORE_CTX *attach_lookup_new(const struct crypto *crypto, X509_STORE *store);

#endif
