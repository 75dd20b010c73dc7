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

/* Remembers that a store has loaded OpenSSL's default paths, so that it is no private one. */
void attach_tag_public(struct crypto *crypto, X509_STORE *store);

/*
 * Directories that a program has given to a store that has no anchors yet (several with colons
 * between them; ATTACH_DEFAULTS: OpenSSL's own): what lies there under the name of an anchor is
 * brought into the store, which would not look there any more when it has that anchor.
 */
void attach_look_into(struct crypto *crypto, X509_STORE *store, const char *dirs);

/*
 * Would a load bring something that concerns the anchors of this or an earlier generation: one of
 * them in the file, or something under the name of one in the directories? NULL: no file, no
 * directory. ATTACH_DEFAULTS: OpenSSL's own.
 */
extern const char ATTACH_DEFAULTS[];
bool attach_is_concerned(struct crypto *crypto, const char *file, const char *dirs);

/*
 * Brings a client's store up to date: adds the anchors that it lacks, once for each generation.
 * Certificates that are in the store, or in one of its directories, keep the program's own trust
 * settings. Under CATRUST_CONTEXTS=public, only where the store trusts public CAs.
 */
void attach_anchors(struct crypto *crypto, X509_STORE *store);

bool attach_is_done(struct crypto *crypto, X509_STORE *store);

/*
 * A store ignores a certificate that it has. So what a program loads after the anchors were
 * attached would be lost where it is one of them, and its own use of it (as a CA for clients, or
 * for any name where the anchor has a scope) with it: the program's copy takes the anchor's place.
 */
void attach_yield_to(struct crypto *crypto, X509_STORE *store, X509 *cert);

/* The same for all that a load has brought; loaded is a scratch store with the same load. Also what
 * loaded has in directories under the name of an anchor is added: a store with an anchor of that
 * name would not look there. */
void attach_yield_to_all(struct crypto *crypto, X509_STORE *store, X509_STORE *loaded);

/* A context to look certificates up in a store, its directories included; to be freed with
 * X509_STORE_CTX_free. NULL where there can't be one. */
X509_STORE_CTX *attach_lookup_new(const struct crypto *crypto, X509_STORE *store);

#endif
