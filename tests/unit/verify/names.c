/* SPDX-License-Identifier: Apache-2.0 */
/* The names of certificates, and the scopes that they take. */
#include "certs/certnames.h"
#include "certs/make.h"
#include "verify/leaf_names.h"
#include "verify/verify.h"

#include <stdio.h>
#include <stdlib.h>

static X509 *named(const char *subject, const char *san, bool ca)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = cert_new(&(struct cert_spec){.name = subject,
						  .key = key,
						  .constraints = ca ? NULL : "critical,CA:FALSE",
						  .usage = ca ? NULL : "digitalSignature"});

	if (san != NULL)
		cert_extension(cert, NID_subject_alt_name, san);
	ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
	EVP_PKEY_free(key);
	return cert;
}

static const struct {
	const char *san, *shown;
	int count;
} addresses[] = {
	{"DER:30:02:87:00", "(an address of 0 bytes)", 1},
	{"DER:30:05:87:03:01:02:03", "(an address of 3 bytes)", 1},
	{"DER:30:06:87:04:01:02:03:04", "1.2.3.4", 1},
	{"DER:30:07:87:05:01:02:03:04:05", "(an address of 5 bytes)", 1},
	{"DER:30:13:87:11:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11",
	 "(an address of 17 bytes)", 1},
	{"IP:2001:db8::1,DNS:a.example", "2001:db8::1, a.example", 2},
	{"DER:30:02:82:00", "(empty)", 1},
	{"DER:30:05:82:03:61:00:62", "a\\x00b", 1},
	{"DER:30:06:82:04:1b:5b:32:4a", "\\x1b[2J", 1},
	{"URI:https://a.example/,email:a@example", "", 0},
	{"URI:https://a.example/,DNS:b.example,email:a@example", "b.example", 1},
	{NULL, "", 0},
};

/* An address has 4 bytes or 16: nothing is read behind any other. */
START_TEST(test_addresses_of_any_length)
{
	X509 *cert = named("subject", addresses[_i].san, false);
	char buf[256];

	ck_assert_int_eq(certnames_shown(cert, 8, buf, sizeof(buf)), addresses[_i].count);
	ck_assert_str_eq(buf, addresses[_i].shown);
	X509_free(cert);
}
END_TEST

START_TEST(test_names_are_cut)
{
	X509 *cert = named("subject", "DNS:a,DNS:b,DNS:c,DNS:d", false);
	char buf[256], tiny[6];

	ck_assert_int_eq(certnames_shown(cert, 2, buf, sizeof(buf)), 4);
	ck_assert_str_eq(buf, "a, b, ...");
	ck_assert_int_eq(certnames_shown(cert, 8, tiny, sizeof(tiny)), 4);
	ck_assert_str_eq(tiny, "a, b,");
	X509_free(cert);
}
END_TEST

static const struct {
	const char *subject, *san, *host;
	bool ca;
	enum leaf_scopes_result result;
	const char *scopes;
} pins[] = {
	{"A server", "DNS:a.example", "a.example", false, LEAF_SCOPES_OK, "a.example"},
	{"A server", "DNS:a.example,IP:10.0.0.1", "a.example", true, LEAF_SCOPES_OK,
	 "a.example, 10.0.0.1"},
	/* below the server, whatever characters are in it */
	{"A server", "DNS:b.a.example,DNS:my_host.a.example,DNS:*.a.example", "a.example", true,
	 LEAF_SCOPES_OK, "a.example"},
	{"A server", "DNS:*.example.org,DNS:A.Example.org", "a.example.org", true, LEAF_SCOPES_OK,
	 "a.example.org, example.org"},
	{"A server", "DNS:nas,DNS:nas.corp.example", "nas.corp.example", false, LEAF_SCOPES_OK,
	 "nas.corp.example, nas"},
	{"A server", "DNS:localhost,DNS:nas.corp.example", "nas.corp.example", true, LEAF_SCOPES_OK,
	 "nas.corp.example, localhost"},
	/* what would be too much */
	{"A server", "DNS:a.example,DNS:com", "a.example", true, LEAF_SCOPES_TOO_WIDE, NULL},
	{"A server", "DNS:nas,DNS:nas.corp.example", "nas.corp.example", true, LEAF_SCOPES_TOO_WIDE,
	 NULL},
	{"A server", "DNS:*.org,DNS:a.example", "a.example", false, LEAF_SCOPES_TOO_WIDE, NULL},
	{"A server", "DNS:*.example", "a.example", false, LEAF_SCOPES_TOO_WIDE, NULL},
	{"A server", "DNS:*.b.example,DNS:a.example", "a.example", false, LEAF_SCOPES_TOO_WIDE,
	 NULL},
	{"A server", "DNS:*.example.org,IP:10.0.0.1", "10.0.0.1", false, LEAF_SCOPES_TOO_WIDE,
	 NULL},
	/* what can be no scope */
	{"A server", "DNS:my_host,DNS:a.example", "a.example", false, LEAF_SCOPES_IMPOSSIBLE, NULL},
	{"A server", "DNS:*,DNS:a.example", "a.example", false, LEAF_SCOPES_IMPOSSIBLE, NULL},
	{"A server", "DNS:w*.example.org,DNS:a.example", "a.example", false, LEAF_SCOPES_IMPOSSIBLE,
	 NULL},
	{"A server", "DNS:10.0.0.1,IP:10.0.0.1", "10.0.0.1", false, LEAF_SCOPES_IMPOSSIBLE, NULL},
	{"A server", "DER:30:05:87:03:01:02:03", "a.example", false, LEAF_SCOPES_IMPOSSIBLE, NULL},
	{"A server", "DER:30:05:82:03:61:00:62", "a.example", false, LEAF_SCOPES_IMPOSSIBLE, NULL},
	/* the subject counts, unless it is the first label of a name */
	{"com", "DNS:a.example", "a.example", true, LEAF_SCOPES_TOO_WIDE, NULL},
	{"com", "DNS:a.example", "a.example", false, LEAF_SCOPES_OK, "a.example, com"},
	{"a", "DNS:a.example", "a.example", true, LEAF_SCOPES_OK, "a.example"},
	{"127.0.0.1", "DNS:localhost", "localhost", true, LEAF_SCOPES_OK, "localhost, 127.0.0.1"},
	{"localhost", "DNS:localhost.a.example", "localhost.a.example", false, LEAF_SCOPES_OK,
	 "localhost.a.example, localhost"},
	{"*.a.example", "DNS:a.example", "a.example", true, LEAF_SCOPES_OK, "a.example"},
	/* other kinds of names */
	{"a", "DNS:a.example,URI:https://b.example/x", "a.example", false, LEAF_SCOPES_OK,
	 "a.example, b.example"},
	{"a", "DNS:a.example,URI:https://[::1]/x", "a.example", false, LEAF_SCOPES_OK,
	 "a.example, ::1"},
	{"a", "DNS:a.example,URI:urn:x,email:x@b.example", "a.example", false, LEAF_SCOPES_OK,
	 "a.example, b.example"},
	{"a", "DNS:a.example,URI:b.example", "a.example", false, LEAF_SCOPES_IMPOSSIBLE, NULL},
	{"a.example", NULL, "a.example", false, LEAF_SCOPES_OK, "a.example"},
	{"nas", "IP:10.0.0.1", "10.0.0.1", false, LEAF_SCOPES_OK, "10.0.0.1, nas"},
	{"10.0.0.1", NULL, "10.0.0.1", false, LEAF_SCOPES_OK, "10.0.0.1"},
	{"My server", "IP:10.0.0.1", "10.0.0.1", false, LEAF_SCOPES_OK, "10.0.0.1"},
	{"com", NULL, "a.example", true, LEAF_SCOPES_TOO_WIDE, NULL},
};

START_TEST(test_pin)
{
	X509 *cert = named(pins[_i].subject, pins[_i].san, pins[_i].ca);
	struct scopes scopes = {.count = 0};
	char name[SCOPEDIR_NAME], buf[512];
	struct target host;
	struct reason why = {""};

	ck_assert_ptr_null(target_parse_name(pins[_i].host, &host));
	ck_assert_ptr_null(scopedir_for_host(&host, name));
	ck_assert_int_eq(scopes_add(&scopes, name), 0);
	ck_assert_int_eq(leaf_may_sign(cert), pins[_i].ca);
	ck_assert_msg(leaf_scopes(cert, &host, pins[_i].ca, &scopes, &why) == pins[_i].result,
		      "%s: %s", pins[_i].san, why.text);
	if (pins[_i].result == LEAF_SCOPES_OK)
		ck_assert_str_eq(scopes_list(&scopes, buf, sizeof(buf)), pins[_i].scopes);
	else
		ck_assert_str_ne(why.text, "");
	X509_free(cert);
}
END_TEST

static X509 *with_many_names(int count)
{
	char san[64 * 100] = "DNS:a.example";
	size_t at = strlen(san);

	for (int i = 1; i < count; i++)
		at += (size_t)snprintf(san + at, sizeof(san) - at, ",DNS:a%d.example", i);
	return named("a", san, false);
}

START_TEST(test_a_pin_has_at_most_64_scopes)
{
	for (int count = SCOPES_MAX; count <= SCOPES_MAX + 1; count++) {
		X509 *cert = with_many_names(count);
		struct scopes scopes = {.count = 0};
		struct target host;
		struct reason why;

		ck_assert_ptr_null(target_parse_name("a.example", &host));
		ck_assert_int_eq(leaf_scopes(cert, &host, false, &scopes, &why),
				 count <= SCOPES_MAX ? LEAF_SCOPES_OK : LEAF_SCOPES_IMPOSSIBLE);
		X509_free(cert);
	}
}
END_TEST

static const struct {
	const char *outer, *inner;
	bool covers;
} covering[] = {
	{"corp.example", "corp.example", true},	  {"corp.example", "a.corp.example", true},
	{"corp.example", "acorp.example", false}, {"a.corp.example", "corp.example", false},
	{"10.0.0.0_8", "10.1.0.0_16", true},	  {"10.1.0.0_16", "10.0.0.0_8", false},
	{"10.0.0.0_8", "11.0.0.1", false},	  {"fd00___8", "fd00__1_128", true},
	{"10.0.0.1", "__1_128", false},		  {"10.0.0.1", "localhost", false},
	{"localhost", "127.0.0.1", false},
};

START_TEST(test_covering)
{
	struct scopes outer = {.count = 0};
	struct scope inner;

	ck_assert_int_eq(scopes_add(&outer, covering[_i].outer), 0);
	ck_assert_int_eq(scope_parse(covering[_i].inner, &inner), 0);
	ck_assert_int_eq(scopes_cover(&outer, &inner), covering[_i].covers);
	ck_assert_int_eq(scopes_add(&outer, covering[_i].inner), 0);
	ck_assert_uint_eq(outer.count, covering[_i].covers ? 1 : 2);
}
END_TEST

/* What libcatrust.so will say of a pin is what the last gate says. */
static const struct {
	const char *subject, *san, *host, *scopes[3];
	int code;
} gates[] = {
	{"a", "DNS:a.example,DNS:b.example", "a.example", {"a.example", "b.example"}, X509_V_OK},
	{"a", "DNS:a.example,DNS:b.example", "a.example", {"a.example"}, 47},
	{"a", "DNS:a.example,IP:10.0.0.1", "a.example", {"a.example"}, 47},
	{"a", "DNS:a.example,URI:https://b.example/", "a.example", {"a.example"}, 47},
	{"a", "DNS:a.example,URI:https://b.a.example/", "a.example", {"a.example"}, X509_V_OK},
	{"x", "DNS:a.example", "a.example", {"a.example"}, 47},
	{"x", "DNS:a.example", "a.example", {"a.example", "x"}, X509_V_OK},
	{"127.0.0.1", "DNS:a.example", "a.example", {"a.example"}, 47},
	{"nas", "IP:10.0.0.1", "10.0.0.1", {"10.0.0.1"}, 47},
	{"nas", "IP:10.0.0.1", "10.0.0.1", {"10.0.0.1", "nas"}, X509_V_OK},
	{"b.example", "IP:10.0.0.1", "10.0.0.1", {"10.0.0.1"}, 47},
	{"My server", "IP:10.0.0.1", "10.0.0.1", {"10.0.0.1"}, X509_V_OK},
	{"*.example", "IP:10.0.0.1", "10.0.0.1", {"10.0.0.1", "example"}, X509_V_OK},
	{"*.example", "IP:10.0.0.1", "10.0.0.1", {"10.0.0.1"}, 47},
	{"x", "DNS:a.example,DNS:b.example", "a.example", {NULL}, X509_V_OK},
};

START_TEST(test_last_gate)
{
	X509 *cert = named(gates[_i].subject, gates[_i].san, false);
	STACK_OF(X509) *certs = sk_X509_new_null();
	struct verify_store none = {.certs = NULL};
	struct scopes scopes = {.count = 0};
	struct verify_anchors anchors = {.more = certs, .more_scopes = &scopes};
	struct verify_how how = {.flags = X509_V_FLAG_TRUSTED_FIRST, .common_name = true};
	struct verify_result j = {.count = 0};
	struct target host;

	sk_X509_push(certs, cert);
	for (size_t i = 0; i < 3 && gates[_i].scopes[i] != NULL; i++)
		ck_assert_int_eq(scopes_add(&scopes, gates[_i].scopes[i]), 0);
	ck_assert_ptr_null(target_parse_name(gates[_i].host, &host));
	ck_assert_int_eq(verify_chain(&none, &anchors, certs, &host, &how, &j), 0);
	ck_assert_msg((j.count == 0 ? X509_V_OK : j.error[0].code) == gates[_i].code, "%s, %s: %d",
		      gates[_i].subject, gates[_i].san, j.count == 0 ? 0 : j.error[0].code);
	verify_result_clear(&j);
	sk_X509_pop_free(certs, X509_free);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("names");
	TCase *tests = tcase_create("names");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tests, test_addresses_of_any_length, 0,
			    sizeof(addresses) / sizeof(*addresses));
	tcase_add_test(tests, test_names_are_cut);
	tcase_add_loop_test(tests, test_pin, 0, sizeof(pins) / sizeof(*pins));
	tcase_add_test(tests, test_a_pin_has_at_most_64_scopes);
	tcase_add_loop_test(tests, test_covering, 0, sizeof(covering) / sizeof(*covering));
	tcase_add_loop_test(tests, test_last_gate, 0, sizeof(gates) / sizeof(*gates));
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
