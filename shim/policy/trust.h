/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TRUST_H
#define CATRUST_TRUST_H

#include "anchors/trustdir.h"
#include "libc/retire.h"
#include "openssl/binding.h"

#include <openssl/x509v3.h>

/* What CATRUST_LOG=info has logged about an anchor. */
enum anchor_use {
	ANCHOR_TRUSTED = 1,    /* a server was trusted because of it */
	ANCHOR_VERIFIED = 2,   /* the same, but the program would have accepted any server */
	ANCHOR_UNREADABLE = 4, /* OpenSSL cannot decode it */
};

/*
 * The trust directories as certificates of one copy of libcrypto, found by name. A certificate is
 * decoded when a chain first needs its name: to decode 1,000 of them takes 0.8 s with OpenSSL 3.0.
 * These objects are our own. No store of the program ever holds them, and they are trusted only for
 * serverAuth.
 */
struct trust_anchor {
	atomic_size_t references;
	X509_NAME *name;      /* the subject */
	struct scope *scopes; /* NULL: every name */
	size_t scope_count;
	_Atomic(X509 *) decoded; /* by trust_cert() */
	unsigned char *der;
	size_t der_len;
	int64_t from, until; /* its dates; both 0 if they can't be read */
	char *file;
	size_t line;
	atomic_uchar used; /* enum anchor_use */
};

struct trust {
	struct retired retired; /* first */
	const struct crypto *crypto;
	uint64_t generation; /* the edition's */
	size_t count;
	struct trust_anchor **anchor; /* by name, as X509_NAME_cmp() has them */
};

/*
 * Makes one from anchors. An anchor that is also in before, which may be NULL, keeps its object.
 * NULL: out of memory.
 */
struct trust *trust_make(const struct crypto *crypto, const struct anchors *anchors,
			 const struct trust *before);
void trust_free(struct trust *trust);

/* The anchor that was made of from; NULL: none. */
struct trust_anchor *trust_find_same(const struct trust *trust, const struct anchor *from);

/* Called if OpenSSL can't read a certificate. The shim logs a line for the user (current.c). */
void trust_tell_unreadable(const char *file, size_t line);

/* The anchors of a name: the first of them, and how many there are. */
struct trust_anchor *const *trust_find(const struct trust *trust, const X509_NAME *name,
				       size_t *ret_count);

/*
 * The certificate; NULL if OpenSSL can't decode it now. If it never can, that is reported. The
 * certificate belongs to the anchor.
 */
X509 *trust_cert(struct crypto *crypto, struct trust_anchor *anchor);

/* An anchor lives as long as there is a reference to it. */
void trust_anchor_ref(struct trust_anchor *anchor);
void trust_anchor_unref(const struct crypto *crypto, struct trust_anchor *anchor);

#endif
