/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_MAKE_CERTS_H
#define TEST_MAKE_CERTS_H

#include <check.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

/* A certificate for a test: what is not said is that of a good root. */
struct cert_spec {
	const char *name, *issuer;
	EVP_PKEY *key, *signer;
	long from_days, to_days; /* from now; 0, 0: a year around it */
	const char *constraints; /* "": none */
	const char *usage;	 /* "": none */
	const char *purposes;	 /* extended key usage, NULL: none */
	bool no_key_id;
	const EVP_MD *digest;
};

static void cert_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, X509V3_CTX_REPLACE);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ck_assert_ptr_nonnull(ext);
	ck_assert_int_eq(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

static X509 *cert_new(const struct cert_spec *spec)
{
	bool dated = spec->from_days != 0 || spec->to_days != 0;
	const char *issuer = spec->issuer == NULL ? spec->name : spec->issuer;
	X509 *cert = X509_new();

	ck_assert_ptr_nonnull(cert);
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_time_adj_ex(X509_getm_notBefore(cert), (int)(dated ? spec->from_days : -180), 0, NULL);
	X509_time_adj_ex(X509_getm_notAfter(cert), (int)(dated ? spec->to_days : 180), 0, NULL);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
				   (const unsigned char *)spec->name, -1, -1, 0);
	X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN", MBSTRING_UTF8,
				   (const unsigned char *)issuer, -1, -1, 0);
	X509_set_pubkey(cert, spec->key);
	if (spec->constraints == NULL || spec->constraints[0] != '\0')
		cert_extension(cert, NID_basic_constraints,
			       spec->constraints == NULL ? "critical,CA:TRUE" : spec->constraints);
	if (spec->usage == NULL || spec->usage[0] != '\0')
		cert_extension(cert, NID_key_usage,
			       spec->usage == NULL ? "critical,keyCertSign,cRLSign" : spec->usage);
	if (spec->purposes != NULL)
		cert_extension(cert, NID_ext_key_usage, spec->purposes);
	if (!spec->no_key_id)
		cert_extension(cert, NID_subject_key_identifier, "hash");
	ck_assert_int_gt(X509_sign(cert, spec->signer == NULL ? spec->key : spec->signer,
				   spec->digest == NULL ? EVP_sha256() : spec->digest),
			 0);
	return cert;
}

#endif
