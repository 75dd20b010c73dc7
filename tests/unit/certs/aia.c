/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses are asked for issuers, and what is read of their answers. */
#include "certs/aia.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *url;
	bool wrong, wrong_if_local;
} urls[] = {
	{"http://ca.example/root.cer", false, false},
	{"http://ca.example:8080/x?y=z", false, false},
	{"http://192.0.2.1/x", false, false},
	{"http://10.0.0.1/x", false, false},
	{"http://127.0.0.1/x", true, false},
	{"http://127.9.9.9:80/x", true, false},
	{"http://localhost/x", true, false},
	{"http://LOCALHOST./x", true, false},
	{"http://a.localhost/x", true, false},
	{"http://[::1]/x", true, false},
	{"http://[::ffff:127.0.0.1]/x", true, false},
	{"http://[fe80::1]/x", true, false},
	{"http://169.254.169.254/latest", true, false},
	{"http://0.0.0.0/x", true, false},
	{"http://0/x", true, false},
	{"http://2130706433/x", true, false},
	{"http://0x7f.1/x", true, false},
	{"http://[2001:db8::1]/x", false, false},
	{"https://ca.example/root.cer", true, true},
	{"ldap://ca.example/cn=x", true, true},
	{"file:///etc/passwd", true, true},
	{"ftp://ca.example/x", true, true},
	{"http://user:password@ca.example/x", true, true},
	{"http://user@ca.example/x", true, true},
	{"ca.example/x", true, true},
	{"", true, true},
};

START_TEST(test_urls)
{
	ck_assert_msg((aia_url_wrong(urls[_i].url, false) != NULL) == urls[_i].wrong, "%s",
		      urls[_i].url);
	ck_assert_msg((aia_url_wrong(urls[_i].url, true) != NULL) == urls[_i].wrong_if_local, "%s",
		      urls[_i].url);
}
END_TEST

static const struct {
	const char *text;
	bool local;
} addresses[] = {
	{"192.0.2.1", false},
	{"10.0.0.1", false},
	{"127.0.0.1", true},
	{"127.255.0.1", true},
	{"0.0.0.0", true},
	{"169.254.1.1", true},
	{"224.0.0.1", true},
	{"255.255.255.255", true},
	{"2001:db8::1", false},
	{"fd00::1", false},
	{"::1", true},
	{"::", true},
	{"fe80::1", true},
	{"ff02::1", true},
	{"::ffff:127.0.0.1", true},
	{"::ffff:192.0.2.1", false},
	{"64:ff9b::127.0.0.1", true},
	{"64:ff9b::192.0.2.1", false},
};

START_TEST(test_addresses)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	const struct sockaddr *a = (const struct sockaddr *)&v4;

	if (inet_pton(AF_INET, addresses[_i].text, &v4.sin_addr) != 1) {
		ck_assert_int_eq(inet_pton(AF_INET6, addresses[_i].text, &v6.sin6_addr), 1);
		a = (const struct sockaddr *)&v6;
	}
	ck_assert_msg(aia_address_is_local(a) == addresses[_i].local, "%s", addresses[_i].text);
}
END_TEST

static EVP_PKEY *key_a, *key_b;

static void add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	ck_assert_ptr_nonnull(ext);
	ck_assert_int_eq(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

static X509 *make(const char *name, EVP_PKEY *key, const char *issuer, EVP_PKEY *signer, bool ca,
		  const char *access)
{
	X509 *cert = X509_new();
	const unsigned char *subject = (const unsigned char *)name;
	const unsigned char *above = (const unsigned char *)issuer;
	X509_NAME *issuer_name = X509_NAME_new();

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -1000);
	X509_gmtime_adj(X509_getm_notAfter(cert), 100000);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, subject, -1, -1,
				   0);
	X509_NAME_add_entry_by_txt(issuer_name, "CN", MBSTRING_ASC, above, -1, -1, 0);
	X509_set_issuer_name(cert, issuer_name);
	X509_NAME_free(issuer_name);
	X509_set_pubkey(cert, key);
	add_extension(cert, NID_basic_constraints, ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (ca)
		add_extension(cert, NID_key_usage, "critical,keyCertSign");
	if (access != NULL)
		add_extension(cert, NID_info_access, access);
	ck_assert_int_gt(X509_sign(cert, signer, EVP_sha256()), 0);
	return cert;
}

static void set_up(void)
{
	key_a = EVP_EC_gen("P-256");
	key_b = EVP_EC_gen("P-256");
}

static void tear_down(void)
{
	EVP_PKEY_free(key_a);
	EVP_PKEY_free(key_b);
}

START_TEST(test_find_urls)
{
	X509 *cert = make("x", key_a, "x", key_a, false,
			  "OCSP;URI:http://ca.example/ocsp,"
			  "caIssuers;URI:ldap://ca.example/x,"
			  "caIssuers;URI:http://ca.example/1,"
			  "caIssuers;DNS:ca.example,"
			  "caIssuers;URI:http://user@ca.example/x,"
			  "caIssuers;URI:http://ca.example/2,"
			  "caIssuers;URI:http://ca.example/3,"
			  "caIssuers;URI:http://ca.example/4,"
			  "caIssuers;URI:http://ca.example/5,"
			  "caIssuers;URI:http://ca.example/6");
	struct aia_urls found;

	aia_find_urls(cert, &found);
	ck_assert_uint_eq(found.count, AIA_MAX_URLS);
	ck_assert_str_eq(found.url[0], "http://ca.example/1");
	ck_assert_str_eq(found.url[4], "http://ca.example/5");
	X509_free(cert);
	cert = make("x", key_a, "x", key_a, false, NULL);
	aia_find_urls(cert, &found);
	ck_assert_uint_eq(found.count, 0);
	X509_free(cert);
}
END_TEST

static int count_in(const unsigned char *bytes, size_t len)
{
	STACK_OF(X509) *certs = aia_read_answer(bytes, len);
	int count = sk_X509_num(certs);

	ck_assert_ptr_nonnull(certs);
	sk_X509_pop_free(certs, X509_free);
	return count;
}

static int count_in_bio(BIO *bio)
{
	char *data = NULL;
	long len = BIO_get_mem_data(bio, &data);
	int count = count_in((const unsigned char *)data, (size_t)len);

	BIO_free(bio);
	return count;
}

START_TEST(test_answers)
{
	X509 *a = make("a", key_a, "a", key_a, true, NULL),
	     *b = make("b", key_b, "b", key_b, true, NULL);
	PKCS7 *p7 = PKCS7_new();
	unsigned char *large = calloc(1, AIA_MAX_ANSWER + 1);
	BIO *bio = BIO_new(BIO_s_mem());

	i2d_X509_bio(bio, a);
	ck_assert_int_eq(count_in_bio(bio), 1);
	PKCS7_set_type(p7, NID_pkcs7_signed);
	PKCS7_content_new(p7, NID_pkcs7_data);
	bio = BIO_new(BIO_s_mem());
	i2d_PKCS7_bio(bio, p7);
	ck_assert_int_eq(count_in_bio(bio), 0);
	PKCS7_add_certificate(p7, a);
	PKCS7_add_certificate(p7, b);
	bio = BIO_new(BIO_s_mem());
	i2d_PKCS7_bio(bio, p7);
	ck_assert_int_eq(count_in_bio(bio), 2);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PKCS7(bio, p7);
	ck_assert_int_eq(count_in_bio(bio), 2);
	bio = BIO_new(BIO_s_mem());
	BIO_puts(bio, "some text\n");
	PEM_write_bio_X509(bio, a);
	PEM_write_bio_X509(bio, b);
	ck_assert_int_eq(count_in_bio(bio), 2);
	bio = BIO_new(BIO_s_mem());
	for (int i = 0; i < AIA_MAX_CERTS + 5; i++)
		PEM_write_bio_X509(bio, a);
	ck_assert_int_eq(count_in_bio(bio), AIA_MAX_CERTS);
	ck_assert_int_eq(count_in((const unsigned char *)"<html>", 6), 0);
	ck_assert_int_eq(count_in((const unsigned char *)"", 0), 0);
	ck_assert_int_eq(count_in(large, AIA_MAX_ANSWER + 1), 0);
	free(large);
	PKCS7_free(p7);
	X509_free(a);
	X509_free(b);
}
END_TEST

START_TEST(test_issued)
{
	X509 *ca = make("ca", key_a, "ca", key_a, true, NULL);
	X509 *below = make("leaf", key_b, "ca", key_a, false, NULL);
	X509 *other_key = make("ca", key_b, "ca", key_b, true, NULL);
	X509 *other_name = make("other", key_a, "other", key_a, true, NULL);

	ck_assert(aia_issued(ca, below));
	ck_assert(!aia_issued(other_key, below));
	ck_assert(!aia_issued(other_name, below));
	ck_assert(!aia_issued(below, ca));
	X509_free(ca);
	X509_free(below);
	X509_free(other_key);
	X509_free(other_name);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("aia");
	TCase *tests = tcase_create("aia");
	SRunner *runner;
	int failed;

	tcase_add_unchecked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, test_urls, 0, sizeof(urls) / sizeof(*urls));
	tcase_add_loop_test(tests, test_addresses, 0, sizeof(addresses) / sizeof(*addresses));
	tcase_add_test(tests, test_find_urls);
	tcase_add_test(tests, test_answers);
	tcase_add_test(tests, test_issued);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
