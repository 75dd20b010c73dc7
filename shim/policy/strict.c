/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/strict.h"

#include <openssl/x509_vfy.h>

#include <stddef.h>

/* New in OpenSSL 4.0. */
enum { EMPTY_AUTHORITY_KEY_IDENTIFIER = 102, AKID_ISSUER_SERIAL_NOT_PAIRED = 103 };

/*
 * From check_extensions() in crypto/x509/x509_vfy.c, the block under X509_V_FLAG_X509_STRICT: what
 * RFC 5280 wants of the form of a certificate, and Python before 3.13 never asked for. Not in the
 * table, though found by the same flag: 78 (the two signature algorithms differ), 79 (no CA), 82 (a
 * leaf that may sign certificates), 83, 84 and 87 (no issuer, subject or alternative name), and 94
 * (the parameters of an elliptic curve are explicit, so they may be anything; since 3.0 without the
 * flag, too).
 */
static const int forgiven[] = {
	X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA,	      /* 80, RFC 5280 4.2.1.9 */
	X509_V_ERR_PATHLEN_WITHOUT_KU_KEY_CERT_SIGN,  /* 81, 4.2.1.9 */
	X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER,  /* 85, 4.2.1.1 */
	X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER,    /* 86, 4.2.1.2 */
	X509_V_ERR_EMPTY_SUBJECT_SAN_NOT_CRITICAL,    /* 88, 4.1.2.6 */
	X509_V_ERR_CA_BCONS_NOT_CRITICAL,	      /* 89, 4.2.1.9 */
	X509_V_ERR_AUTHORITY_KEY_IDENTIFIER_CRITICAL, /* 90, 4.2.1.1 */
	X509_V_ERR_SUBJECT_KEY_IDENTIFIER_CRITICAL,   /* 91, 4.2.1.2 */
	X509_V_ERR_CA_CERT_MISSING_KEY_USAGE,	      /* 92, 4.2.1.3 */
	X509_V_ERR_EXTENSIONS_REQUIRE_VERSION_3,      /* 93, 4.1.2.1 */
	EMPTY_AUTHORITY_KEY_IDENTIFIER,		      /* 102, 4.2.1.1 */
	AKID_ISSUER_SERIAL_NOT_PAIRED,		      /* 103, 4.2.1.1 */
};

bool strict_forgives(int error)
{
	for (size_t i = 0; i < sizeof(forgiven) / sizeof(*forgiven); i++)
		if (forgiven[i] == error)
			return true;
	return false;
}
