/* SPDX-License-Identifier: Apache-2.0 */
#include "store/truststore.h"

#include "certs/filename.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pkcs12.h>
#include <stdbool.h>
#include <string.h>

/* Java trusts a certificate without a key only if the entry says for which purpose. */
#define TRUSTED_KEY_USAGE "2.16.840.1.113894.746875.1.1"

/* NO_ENCRYPTION: with encryption, a Java program without the password would see an empty store. */
enum { NO_ENCRYPTION = -1, MAC_ITERATIONS = 10000 };

/* The name of an entry: the file name of such a certificate, without its ending. */
static bool alias_of(const X509 *cert, char alias[FILENAME_SIZE])
{
	if (filename_of(cert, alias) == NULL)
		return false;
	*strrchr(alias, '.') = '\0';
	return true;
}

static bool add_entry(STACK_OF(PKCS12_SAFEBAG) * *bags, X509 *cert, const ASN1_OBJECT *any)
{
	PKCS12_SAFEBAG *bag = PKCS12_add_cert(bags, cert);
	char alias[FILENAME_SIZE];

	return bag != NULL && alias_of(cert, alias) &&
	       PKCS12_add_friendlyname_utf8(bag, alias, -1) == 1 &&
	       PKCS12_add1_attr_by_txt(bag, TRUSTED_KEY_USAGE, V_ASN1_OBJECT,
				       (const unsigned char *)any, -1) == 1;
}

/* Not random, so that equal input gives an equal result. It protects no secret. */
static bool salt_of(const STACK_OF(X509) * certs, unsigned char salt[EVP_MAX_MD_SIZE],
		    unsigned int *len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

	for (int i = 0; ok && i < sk_X509_num(certs); i++) {
		struct fingerprint f;

		ok = fingerprint_of(sk_X509_value(certs, i), &f) == 0 &&
		     EVP_DigestUpdate(ctx, f.byte, sizeof(f.byte)) == 1;
	}
	ok = ok && EVP_DigestFinal_ex(ctx, salt, len) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

int truststore_pkcs12(const STACK_OF(X509) * certs, const char *password, BIO *to)
{
	ASN1_OBJECT *any = OBJ_nid2obj(NID_anyExtendedKeyUsage);
	STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
	STACK_OF(PKCS7) *safes = NULL;
	unsigned char salt[EVP_MAX_MD_SIZE];
	unsigned int salt_len = 0;
	PKCS12 *p12 = NULL;
	int result = -1;

	for (int i = 0; i < sk_X509_num(certs); i++)
		if (!add_entry(&bags, sk_X509_value(certs, i), any))
			goto out;
	if (!salt_of(certs, salt, &salt_len) ||
	    PKCS12_add_safe(&safes, bags, NO_ENCRYPTION, 0, NULL) != 1)
		goto out;
	p12 = PKCS12_add_safes(safes, 0);
	if (p12 != NULL &&
	    PKCS12_set_mac(p12, password, -1, salt, (int)salt_len, MAC_ITERATIONS, EVP_sha256()) ==
		    1 &&
	    i2d_PKCS12_bio(to, p12) == 1)
		result = 0;
out:
	PKCS12_free(p12);
	sk_PKCS7_pop_free(safes, PKCS7_free);
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	ERR_clear_error();
	return result;
}
