/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TRUST_H
#define CATRUST_TRUST_H

#include "binding.h"
#include "scope.h"
#include "trustdir.h"

#include <openssl/x509v3.h>

/* What was told of an anchor. */
enum anchor_use {
	ANCHOR_TRUSTED = 1,  /* somebody was trusted because of it */
	ANCHOR_VERIFIED = 2, /* the same, where OpenSSL refuses nobody */
};

/*
 * The trust directories as certificates of one copy of libcrypto. Each is parsed once per copy,
 * shared by reference between all stores, and marked as trusted for serverAuth alone: a server that
 * verifies a client's certificate with it gets error 28 (certificate rejected), whatever store it
 * is in.
 *
 * A change of the directories makes a new generation within a second, and so does a certificate
 * that becomes valid. What is handed out stays valid for the life of the process, so nobody needs a
 * lock: what a change leaves behind is two lists of pointers, and the anchors that changed.
 */
struct trust_anchor {
	X509 *cert;
	NAME_CONSTRAINTS *scope; /* NULL: every name */
	struct scope *scopes;	 /* what it is made of */
	size_t scope_count;
	unsigned long name_hash; /* that OpenSSL finds it by in a directory */
	unsigned char *der;
	size_t der_len;
	char *file;
	size_t line;
	uint64_t since;		    /* the generation that it came with, or came back with */
	_Atomic(X509 *) plain, aux; /* see trust_copy() */
	atomic_uchar used;	    /* enum anchor_use */
};

struct trust {
	uint64_t generation; /* from 1 */
	size_t count;
	struct trust_anchor **anchor; /* shared with the generation before where nothing changed */
	size_t ever_count;	      /* all that were anchors in any generation, these included */
	struct trust_anchor **ever;   /* as they were last */
	const struct trust *before;   /* kept for who still uses it, and known to leak checkers */
};

/* The present generation, or NULL where there has never been an anchor. */
const struct trust *trust_get(struct crypto *crypto);

/*
 * The generation that was published last, without a look at the directories. Anchors are published
 * before they get into any store: whatever was seen in a store before the call is known to it.
 */
const struct trust *trust_present(const struct crypto *crypto);

/* The anchor whose very X509 this is; NULL for a certificate of the program's own. */
struct trust_anchor *trust_find(const struct trust *trust, const X509 *cert);

/* The anchor that is the same certificate, whoever's object it is. */
struct trust_anchor *trust_find_equal(const struct crypto *crypto, const struct trust *trust,
				      const X509 *cert);

/* Was the X509 an anchor once, but is no more? */
bool trust_is_former(const struct trust *trust, const X509 *cert);

/*
 * The same certificate as cert with the trust settings that cert has and no others, shared and
 * never freed, where an anchor of this or any earlier generation is that certificate; NULL where
 * there is none. Of each anchor there is one copy without settings and one with: whoever comes with
 * others gets NULL.
 */
X509 *trust_copy(const struct crypto *crypto, const struct trust *trust, X509 *cert);

/* Is it an anchor of this or any earlier generation? */
bool trust_is_ours(const struct trust *trust, const X509 *cert);

/* Is some anchor, of this or any earlier generation, the very bytes of a certificate? */
bool trust_knows_der(const struct trust *trust, const unsigned char *der, size_t len);

#endif
