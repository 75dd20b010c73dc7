/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What plain_read() takes for a bundle, OpenSSL loads, and finds the same certificates in it; names
 * that OpenSSL finds equal have the same plain_name(). Any bytes: as a file, as the content of a
 * PEM block, and as two Names.
 */
#include "load/plain.h"

#include "must.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_CERTS = 100 };

static void check_cert(const struct plain_cert *plain, const X509 *found)
{
	const unsigned char *at = plain->der, *name;
	X509 *cert = d2i_X509(NULL, &at, (long)plain->len);
	size_t len;

	MUST(cert != NULL && at == plain->der + plain->len);
	MUST(X509_cmp(cert, found) == 0);
	MUST(X509_NAME_get0_der(X509_get_subject_name(cert), &name, &len) == 1);
	MUST(plain_name(name, len) == plain->name);
	X509_free(cert);
}

static void check_file(const uint8_t *data, size_t size)
{
	size_t count = plain_count((const char *)data, size);
	struct plain_cert certs[MAX_CERTS];
	STACK_OF(X509_INFO) * infos;
	unsigned char *der;
	BIO *bio;

	/* Those that have a NUL do not come so far. */
	if (count == 0 || count > MAX_CERTS || memchr(data, '\0', size) != NULL)
		return;
	der = malloc(size);
	bio = BIO_new_mem_buf(data, (int)size);
	MUST(der != NULL && bio != NULL);
	if (plain_read((const char *)data, size, certs, count, der)) {
		infos = PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL);
		MUST(infos != NULL && (size_t)sk_X509_INFO_num(infos) == count);
		for (size_t i = 0; i < count; i++) {
			const X509_INFO *info = sk_X509_INFO_value(infos, (int)i);

			MUST(info->x509 != NULL && info->crl == NULL && info->x_pkey == NULL);
			check_cert(&certs[i], info->x509);
		}
		sk_X509_INFO_pop_free(infos, X509_INFO_free);
	}
	BIO_free(bio);
	free(der);
}

static void check_content(const uint8_t *data, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	long len;

	MUST(bio != NULL && PEM_write_bio(bio, "CERTIFICATE", "", data, (long)size) > 0);
	len = BIO_get_mem_data(bio, &pem);
	check_file((const uint8_t *)pem, (size_t)len);
	BIO_free(bio);
}

static void check_names(const uint8_t *data, size_t size)
{
	const unsigned char *at = data;
	X509_NAME *a = d2i_X509_NAME(NULL, &at, (long)size), *b = NULL;
	const unsigned char *name[2];
	size_t len[2];

	if (a != NULL)
		b = d2i_X509_NAME(NULL, &at, (long)(data + size - at));
	if (b != NULL && X509_NAME_cmp(a, b) == 0) {
		MUST(X509_NAME_get0_der(a, &name[0], &len[0]) == 1);
		MUST(X509_NAME_get0_der(b, &name[1], &len[1]) == 1);
		MUST(plain_name(name[0], len[0]) == plain_name(name[1], len[1]));
	}
	X509_NAME_free(a);
	X509_NAME_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0) {
		check_file(data, size);
		check_content(data, size);
		check_names(data, size);
	}
	ERR_clear_error();
	return 0;
}
