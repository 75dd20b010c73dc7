/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/sound.h"

#include "fixture.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DER_MAX = 2048, DAY = 86400 };
static const int64_t YEAR = 365 * INT64_C(86400);

static EVP_PKEY *key;

static void add_name(X509_NAME *name, const char *field, int type, const char *value, int len)
{
	ck_assert(X509_NAME_add_entry_by_txt(name, field, type, (const unsigned char *)value, len,
					     -1, 0) == 1);
}

/* A CA, valid between two times. */
static size_t make(time_t from, time_t until, bool extensions, unsigned char der[DER_MAX])
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	unsigned char *at = der;
	int len;

	if (key == NULL)
		key = EVP_EC_gen("P-256");
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 0x80ff);
	ASN1_TIME_set(X509_getm_notBefore(cert), from);
	ASN1_TIME_set(X509_getm_notAfter(cert), until);
	add_name(name, "C", V_ASN1_PRINTABLESTRING, "DE", -1);
	add_name(name, "O", V_ASN1_UTF8STRING, "M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x94\x92", -1);
	add_name(name, "CN", V_ASN1_BMPSTRING, "\0R\0o\0o", 6);
	add_name(name, "OU", V_ASN1_T61STRING, "M\xfcller", -1);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	if (extensions) {
		X509_EXTENSION *ext =
			X509V3_EXT_nconf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");

		X509_set_version(cert, X509_VERSION_3);
		X509_add_ext(cert, ext, -1);
		X509_EXTENSION_free(ext);
	}
	ck_assert(X509_sign(cert, key, EVP_sha256()) > 0);
	len = i2d_X509(cert, NULL);
	ck_assert(len > 0 && len <= DER_MAX);
	i2d_X509(cert, &at);
	X509_free(cert);
	return (size_t)len;
}

START_TEST(certificates)
{
	unsigned char der[DER_MAX];
	time_t now = time(NULL);

	for (int extensions = 0; extensions < 2; extensions++) {
		size_t len = make(now - DAY, now + DAY, extensions == 1, der);

		ck_assert(sound_cert(der, len, now));
		ck_assert(!sound_cert(der, len - 1, now));
		der[len] = 0;
		ck_assert(!sound_cert(der, len + 1, now));
	}
	ck_assert(!sound_cert(der, 0, now));
}
END_TEST

START_TEST(dates)
{
	/* Across the change from UTCTime to GeneralizedTime in 2050, leap years, and 1969. */
	static const int64_t times[] = {-DAY,	    0,		951782400,  951868800,
					1709164800, 2524607999, 2524608000, 4107542400};
	unsigned char der[DER_MAX];

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		size_t len = make(times[i] - 10, times[i] + 10, true, der);

		ck_assert(sound_cert(der, len, times[i]));
		ck_assert(sound_cert(der, len, times[i] - 10));
		ck_assert(sound_cert(der, len, times[i] + 10));
		ck_assert(!sound_cert(der, len, times[i] - 11));
		ck_assert(!sound_cert(der, len, times[i] + 11));
	}
}
END_TEST

/* The dates say what X509_cmp_time() says, of changed dates too. */
START_TEST(dates_as_openssl_takes_them)
{
	unsigned char der[DER_MAX], bad[DER_MAX];
	time_t now = time(NULL);
	size_t len = make(now - DAY, now + 100 * YEAR, true, der), in_date = 0, unreadable = 0;
	struct span validity, name;
	uint64_t random = 1;

	ck_assert(der_subject(der, len, &validity, &name));
	for (int i = 0; i < 50000; i++) {
		const unsigned char *at = bad;
		int64_t from = 0, until = 0;
		struct span changed;
		X509 *cert;
		bool ours, theirs;

		memcpy(bad, der, len);
		for (int j = 0; j <= i % 3; j++) {
			random = random * UINT64_C(6364136223846793005) +
				 UINT64_C(1442695040888963407);
			/* Mostly digits, and the last of them are "Z". */
			bad[(size_t)(validity.at - der) + (random >> 33) % validity.len] =
				(unsigned char)(i % 8 == 0 ? random >> 25
							   : '0' + (random >> 25) % 10);
		}
		cert = d2i_X509(NULL, &at, (long)len);
		if (cert == NULL)
			continue;
		ck_assert(der_subject(bad, len, &changed, &name));
		ours = sound_dates(changed, &from, &until);
		unreadable += !ours;
		for (int64_t when = now - 50 * YEAR; when < now + 200 * YEAR; when += 25 * YEAR) {
			time_t t = when;

			theirs = X509_cmp_time(X509_get0_notBefore(cert), &t) < 0 &&
				 X509_cmp_time(X509_get0_notAfter(cert), &t) > 0;
			in_date += theirs;
			ck_assert_msg((ours && from <= when && when < until) == theirs,
				      "mutation %d", i);
		}
		if (ours) {
			time_t t = until;

			ck_assert_int_eq(X509_cmp_time(X509_get0_notAfter(cert), &t), -1);
			t = until - 1;
			ck_assert_int_eq(X509_cmp_time(X509_get0_notAfter(cert), &t), 1);
		}
		X509_free(cert);
	}
	ck_assert_uint_gt(in_date, 1000);
	ck_assert_uint_gt(unreadable, 1000);
}
END_TEST

/* What is sound, OpenSSL can read. */
START_TEST(never_more_than_openssl)
{
	unsigned char der[DER_MAX], bad[DER_MAX];
	time_t now = time(NULL);
	size_t len = make(now - DAY, now + DAY, true, der), sound = 0;
	uint64_t random = 1;

	for (int i = 0; i < 20000; i++) {
		const unsigned char *at = bad;
		X509 *cert;

		memcpy(bad, der, len);
		for (int j = 0; j <= i % 3; j++) {
			random = random * UINT64_C(6364136223846793005) +
				 UINT64_C(1442695040888963407);
			bad[(random >> 33) % len] = (unsigned char)(random >> 25);
		}
		if (!sound_cert(bad, len, now))
			continue;
		sound++;
		cert = d2i_X509(NULL, &at, (long)len);
		ck_assert_msg(cert != NULL && at == bad + len, "mutation %d: %s", i,
			      ERR_error_string(ERR_get_error(), NULL));
		X509_free(cert);
	}
	/* Changes of the key and the signature do not matter. */
	ck_assert_uint_gt(sound, 1000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sound");
	TCase *tc = tcase_create("sound"), *slow = fixture_slow(suite);

	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, certificates);
	tcase_add_test(tc, dates);
	tcase_add_test(slow, dates_as_openssl_takes_them);
	tcase_add_test(slow, never_more_than_openssl);
	suite_add_tcase(suite, tc);
	return fixture_run(suite);
}
