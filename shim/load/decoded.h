/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LOAD_DECODED_H
#define CATRUST_LOAD_DECODED_H

#include "libc/retire.h"
#include "load/plain.h"
#include "openssl/binding.h"

#include <sys/stat.h>

/* Identifies an opened file, and shows whether it has changed. */
struct decoded_file {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

struct decoded_file decoded_file_of(const struct stat *st);
bool decoded_same_file(const struct decoded_file *a, const struct decoded_file *b);

struct version;
struct order;

/*
 * The certificates of one PEM file, each decoded once by one copy of libcrypto. Those of a plain
 * file (load/plain.h) are decoded when they are first needed. All stores that load the file get
 * references to the same X509s.
 */
struct decoded {
	struct retired retired; /* first; its publisher says how to free it */
	atomic_size_t references;
	const struct crypto *crypto;
	struct decoded_file file;
	_Atomic(struct order *) order; /* decoded.c */
	unsigned char *der; /* of all certificates of a plain file; NULL: the file is not plain */
	bool has_twins;	    /* in a plain file: two certificates may have the same name */
	size_t count;
	struct decoded_cert { /* in the order of the file */
		struct plain_cert plain;
		_Atomic(struct version *) version; /* decoded.c */
	} cert[];
};

/* A larger file, or one with more certificates, is not shared: this limits the memory. */
enum { DECODED_MAX_FILE = 4 << 20, DECODED_MAX_CERTS = 2000 };

/*
 * Reads fd from start to end; file: its state before. Returns NULL if OpenSSL itself must load the
 * file: it has something besides certificates, or something that OpenSSL may not be able to decode;
 * it has changed meanwhile; reading failed; there is no memory. The error queue stays as it was, or
 * is emptied if OpenSSL's own load would do so. The result has one reference.
 */
struct decoded *decoded_read(struct crypto *crypto, int fd, const struct decoded_file *file);
void decoded_ref(struct decoded *d);
void decoded_unref(struct decoded *d);

/*
 * Can its certificates still be given to others? Not if a program has changed one of them, as
 * X509_add1_trust_object() does. A plain file stays usable: a changed certificate is decoded again.
 */
bool decoded_is_usable(const struct decoded *d);

/* An unchanged version of the certificate; d owns it. NULL: out of memory. */
X509 *decoded_cert(struct decoded *d, size_t i);

/* Adds all certificates to the store, like OpenSSL's own load of the file. False: out of memory,
 * and some may have been added. */
bool decoded_add_to(struct decoded *d, X509_STORE *store);

/* Decodes all. False if OpenSSL itself must load the file: out of memory, or a key can't be decoded
 * now. */
bool decoded_all(struct decoded *d);

#endif
