/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LOAD_DECODED_H
#define CATRUST_LOAD_DECODED_H

#include "anchors/retire.h"
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

/*
 * The certificates of one PEM file, decoded once by one copy of libcrypto. All stores that load the
 * file get references to the same X509s.
 */
struct decoded {
	struct retired retired; /* first; its publisher says how it is freed */
	const struct crypto *crypto;
	struct decoded_file file;
	uint64_t state; /* of all that a program's call could change in the certificates */
	/* As an empty store has them after a load: OpenSSL sorts, and leaves out what is there
	 * twice. NULL if no store shows that (4.0). */
	X509 **in_store;
	size_t in_store_count;
	size_t count; /* in the order of the file */
	X509 *cert[];
};

/* A file larger than that, or with more certificates, is not shared: memory is bounded. */
enum { DECODED_MAX_FILE = 4 << 20, DECODED_MAX_CERTS = 2000 };

/*
 * Reads fd from its start to its end; file: what it was before. Returns NULL if OpenSSL itself
 * is to load the file: it has something else than certificates, or something that OpenSSL may not
 * be able to decode; it changed meanwhile; reading failed; there is no memory. The queue of errors
 * is left as it was, or empty if OpenSSL's own load would leave it so. For decoded_free().
 */
struct decoded *decoded_read(struct crypto *crypto, int fd, const struct decoded_file *file);
void decoded_free(struct decoded *d);

/* Has no program changed any of the certificates, as X509_add1_trust_object() does? */
bool decoded_is_unchanged(const struct decoded *d);

/* Adds all to the store. False: out of memory, and some may have been added. */
bool decoded_add_to(const struct decoded *d, X509_STORE *store);

#endif
