/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_PLAIN_H
#define CATRUST_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Bundles in the plain form of Mozilla's, certifi's and Debian's. If a certificate is accepted
 * here, d2i_X509() accepts it, and PEM_X509_INFO_read_bio() finds exactly these in the file. So a
 * load can report success before anything is decoded. In doubt, a file is not plain, and OpenSSL
 * itself reads it.
 */
struct plain_cert {
	const unsigned char *der;
	size_t len;
	uint64_t name; /* the subject's plain_name() */
};

/* A longer certificate is not plain. */
enum { PLAIN_MAX_CERT = 64 << 10 };

/* How many certificates there are, if the file is plain. */
size_t plain_count(const char *pem, size_t len);

/* Reads the file's count certificates into certs, and their bytes into der, which has room for
 * three quarters of len. False: the file is not plain, or has another number of them. */
bool plain_read(const char *pem, size_t len, struct plain_cert *certs, size_t count,
		unsigned char *der);

/*
 * A number for a Name (DER), for a search: names that X509_NAME_cmp() finds equal have the same
 * number. OpenSSL ignores case, spaces and the type of string; this also ignores the order and
 * everything that is not ASCII.
 */
uint64_t plain_name(const unsigned char *der, size_t len);

#endif
