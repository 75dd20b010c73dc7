/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LOAD_DECODED_H
#define CATRUST_LOAD_DECODED_H

#include "anchors/retire.h"
#include "load/plain.h"
#include "openssl/binding.h"

#include <sys/stat.h>

/* Of an opened file: what tells it from any other, and from itself after a change. */
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
 * The certificates of one PEM file, each decoded once by one copy of libcrypto: those of a plain
 * file (load/plain.h) when somebody first asks for them. All stores that load the file get
 * references to the same X509s.
 */
struct decoded {
	struct retired retired; /* first; its publisher says how it is freed */
	atomic_size_t references;
	const struct crypto *crypto;
	struct decoded_file file;
	_Atomic(struct order *) order; /* decoded.c */
	unsigned char *der; /* of all certificates of a plain file; NULL: it is not plain */
	bool has_twins;	    /* of a plain file: two may have the same name */
	size_t count;
	struct decoded_cert { /* in the order of the file */
		struct plain_cert plain;
		_Atomic(struct version *) version; /* decoded.c */
	} cert[];
};

/* A file larger than that, or with more certificates, is not shared: memory is bounded. */
enum { DECODED_MAX_FILE = 4 << 20, DECODED_MAX_CERTS = 2000 };

/*
 * Reads fd from its start to its end; file: what it was before. Returns NULL if OpenSSL itself
 * is to load the file: it has something else than certificates, or something that OpenSSL may not
 * be able to decode; it changed meanwhile; reading failed; there is no memory. The queue of errors
 * is left as it was, or empty if OpenSSL's own load would leave it so. It has one reference.
 */
struct decoded *decoded_read(struct crypto *crypto, int fd, const struct decoded_file *file);
void decoded_ref(struct decoded *d);
void decoded_unref(struct decoded *d);

/*
 * Can its certificates still be given to others? Not if a program has changed one of them, as
 * X509_add1_trust_object() does; those of a plain file are then decoded anew, each for itself.
 */
bool decoded_is_usable(const struct decoded *d);

/* The certificate, as no program has changed it: d's own, as long as d lives. NULL: out of memory.
 */
X509 *decoded_cert(struct decoded *d, size_t i);

/* Adds all to the store, as OpenSSL's own load of the file would. False: out of memory, and some
 * may have been added. */
bool decoded_add_to(struct decoded *d, X509_STORE *store);

/* Decodes all. False if OpenSSL itself is to load the file: out of memory, or it has a key that
 * can't be decoded now. */
bool decoded_all(struct decoded *d);

#endif
