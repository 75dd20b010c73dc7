/* SPDX-License-Identifier: Apache-2.0 */
/* What speaks against a certificate as a trust anchor, and what of it counts. */
#include "certs/candidate.h"

#include "certs/make.h"

#include <stdlib.h>

static EVP_PKEY *key, *other_key, *weak_key;

static void setup(void)
{
	key = EVP_EC_gen("P-256");
	other_key = EVP_EC_gen("P-256");
	weak_key = EVP_RSA_gen(1024);
}

static void teardown(void)
{
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	EVP_PKEY_free(weak_key);
}

static struct findings check(struct cert_spec spec)
{
	struct findings findings;
	X509 *cert;

	if (spec.key == NULL)
		spec.key = key;
	spec.name = "ca";
	cert = cert_new(&spec);
	ck_assert_int_eq(candidate_check(cert, time(NULL), &findings), 0);
	X509_free(cert);
	return findings;
}

static bool says(const struct findings *f, enum finding_level level, const char *words)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->item[i].level == level && strstr(f->item[i].text, words) != NULL)
			return true;
	return false;
}

START_TEST(test_good_root)
{
	struct findings f = check((struct cert_spec){.name = NULL});

	ck_assert_uint_eq(f.count, 0);
	ck_assert(!findings_refuse(&f));
}
END_TEST

START_TEST(test_good_intermediate)
{
	struct findings f = check((struct cert_spec){.issuer = "root", .signer = other_key});

	ck_assert_uint_eq(f.count, 0);
}
END_TEST

START_TEST(test_no_ca)
{
	struct findings f = check((struct cert_spec){.constraints = "CA:FALSE", .usage = ""});

	ck_assert(says(&f, FINDING_REFUSE, "CA:FALSE"));
	f = check((struct cert_spec){.constraints = "", .usage = ""});
	ck_assert(says(&f, FINDING_REFUSE, "no basicConstraints"));
	f = check((struct cert_spec){.constraints = ""});
	ck_assert(says(&f, FINDING_REFUSE, "no basicConstraints"));
	f = check((struct cert_spec){.usage = "digitalSignature"});
	ck_assert(says(&f, FINDING_REFUSE, "keyCertSign"));
}
END_TEST

START_TEST(test_dates)
{
	struct findings f = check((struct cert_spec){.from_days = -20, .to_days = -1});

	ck_assert(says(&f, FINDING_REFUSE, "expired"));
	f = check((struct cert_spec){.from_days = 1, .to_days = 20});
	ck_assert(says(&f, FINDING_REFUSE, "not valid yet"));
	f = check((struct cert_spec){.from_days = -20, .to_days = 29});
	ck_assert(says(&f, FINDING_WARN, "30 days"));
	ck_assert(!findings_refuse(&f));
	f = check((struct cert_spec){.from_days = -20, .to_days = 31});
	ck_assert_uint_eq(f.count, 0);
}
END_TEST

START_TEST(test_forged)
{
	struct findings f = check((struct cert_spec){.signer = other_key});

	ck_assert(says(&f, FINDING_REFUSE, "own signature"));
}
END_TEST

START_TEST(test_weak)
{
	struct findings f = check((struct cert_spec){.key = weak_key});

	ck_assert(says(&f, FINDING_WARN, "1024 bits"));
	ck_assert(!findings_refuse(&f));
	f = check((struct cert_spec){.issuer = "root", .signer = other_key, .digest = EVP_sha1()});
	ck_assert(says(&f, FINDING_WARN, "SHA1"));
	/* Nobody relies on a root's own signature. */
	f = check((struct cert_spec){.digest = EVP_sha1()});
	ck_assert(!says(&f, FINDING_WARN, "SHA1"));
}
END_TEST

START_TEST(test_strict)
{
	struct findings f = check((struct cert_spec){.constraints = "CA:TRUE"});

	ck_assert(says(&f, FINDING_WARN, "Python 3.13"));
	ck_assert(!findings_refuse(&f));
	f = check((struct cert_spec){.usage = ""});
	ck_assert(says(&f, FINDING_WARN, "key usage"));
	f = check((struct cert_spec){.no_key_id = true});
	ck_assert(says(&f, FINDING_WARN, "Subject Key Identifier"));
	ck_assert(!findings_refuse(&f));
}
END_TEST

START_TEST(test_purpose)
{
	struct findings f = check((struct cert_spec){.purposes = "clientAuth"});

	ck_assert(says(&f, FINDING_REFUSE, "purpose"));
	f = check((struct cert_spec){.purposes = "serverAuth,clientAuth"});
	ck_assert_uint_eq(f.count, 0);
}
END_TEST

START_TEST(test_keys)
{
	X509 *a = cert_new(&(struct cert_spec){.name = "a", .key = key});
	X509 *b = cert_new(&(struct cert_spec){.name = "b", .key = key});
	X509 *c = cert_new(&(struct cert_spec){.name = "a", .key = other_key});
	STACK_OF(X509) *certs = sk_X509_new_null();

	ck_assert(candidate_same_key(a, b));
	ck_assert(!candidate_same_key(a, c));
	sk_X509_push(certs, c);
	ck_assert_ptr_null(candidate_find_key(certs, a));
	sk_X509_push(certs, b);
	ck_assert_ptr_eq(candidate_find_key(certs, a), b);
	sk_X509_free(certs);
	X509_free(a);
	X509_free(b);
	X509_free(c);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("candidate");
	TCase *tests = tcase_create("candidate");
	SRunner *runner;
	int failed;

	tcase_add_unchecked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_good_root);
	tcase_add_test(tests, test_good_intermediate);
	tcase_add_test(tests, test_no_ca);
	tcase_add_test(tests, test_dates);
	tcase_add_test(tests, test_forged);
	tcase_add_test(tests, test_weak);
	tcase_add_test(tests, test_strict);
	tcase_add_test(tests, test_purpose);
	tcase_add_test(tests, test_keys);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
