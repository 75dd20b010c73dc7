/* SPDX-License-Identifier: Apache-2.0 */
#include "anchors/bundles.h"
#include "fixture.h"

START_TEST(places_of_public_bundles)
{
	static const char *const paths[] = {
		"/usr/lib/python3/dist-packages/certifi/cacert.pem",
		"/venv/lib/python3.12/site-packages/pip/_vendor/certifi/cacert.pem",
		"/opt/x/botocore/cacert.pem",
		"/etc/ssl/certs/ca-certificates.crt",
		"/nix/store/0abc-nss-cacert-3.98/etc/ssl/certs/ca-bundle.crt",
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
		"/etc/ssl/ca-bundle.pem",
		"/etc/ssl/cert.pem",
		"/usr/share/grpc/roots.pem",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		ck_assert_msg(bundles_kind(paths[i]) == BUNDLE_YES, "%s", paths[i]);
}
END_TEST

START_TEST(names_that_may_be_of_a_private_one)
{
	static const char *const paths[] = {
		"/opt/conda/ssl/cacert.pem", "/tmp/tmpabcdcacert.pem",
		"/etc/service/cert.pem",     "roots.pem",
		"certifi/cacert.pem",	     "/cacert.pem",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		ck_assert_msg(bundles_kind(paths[i]) == BUNDLE_IF_PUBLIC, "%s", paths[i]);
}
END_TEST

START_TEST(other_files)
{
	static const char *const paths[] = {
		"",
		"m",
		".pem",
		"/etc/passwd",
		"/etc/ssl/private/server.key",
		"/certifi/cacert.pem/",
		"/certifi/cacert.pem.bak",
		"/certifi/cacert_pem",
		"notes.txt",
		"/very/long/path/of/a/file/that/ends/in/nothing/known.txt",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		ck_assert_msg(bundles_kind(paths[i]) == BUNDLE_NO, "%s", paths[i]);
}
END_TEST

START_TEST(usual_endings)
{
	static const char *const paths[] = {
		"/etc/service/client-ca.pem",
		"/usr/local/share/ca-certificates/corp.crt",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		ck_assert_msg(bundles_kind(paths[i]) == BUNDLE_IF_NAMED, "%s", paths[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bundles");
	TCase *tc = tcase_create("bundles");

	tcase_add_test(tc, places_of_public_bundles);
	tcase_add_test(tc, names_that_may_be_of_a_private_one);
	tcase_add_test(tc, usual_endings);
	tcase_add_test(tc, other_files);
	suite_add_tcase(suite, tc);
	return fixture_run(suite);
}
