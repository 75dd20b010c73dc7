/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_PLAIN_H
#define CATRUST_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Bundles in the plain form that Mozilla's, certifi's and Debian's have: what is here taken for a
 * certificate, d2i_X509() takes, and PEM_X509_INFO_read_bio() finds just these in the file. So
 * that it can be said that a load has worked before anything is decoded. Rather too strict: of what
 * is not plain, OpenSSL itself says what it is.
 */
struct plain_cert {
	const unsigned char *der;
	size_t len;
	uint64_t name; /* the subject's plain_name() */
};

/* A certificate that is longer is not plain. */
enum { PLAIN_MAX_CERT = 64 << 10 };

/* How many there are, if the file is plain. */
size_t plain_count(const char *pem, size_t len);

/*
 * Reads the file into count certificates, and their bytes into der, which has room for three
 * quarters of len. False: it is not plain, or has another number of them.
 */
bool plain_read(const char *pem, size_t len, struct plain_cert *certs, size_t count,
		unsigned char *der);

/*
 * A number of a Name (DER), for a search: names that X509_NAME_cmp() finds equal have the same.
 * OpenSSL compares without regard to case, spaces and the type of string; this takes no notice of
 * order and of all that is not ASCII either.
 */
uint64_t plain_name(const unsigned char *der, size_t len);

#endif
