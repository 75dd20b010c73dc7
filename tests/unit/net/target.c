/* SPDX-License-Identifier: Apache-2.0 */
/* What users may name as a server, and what they may not. */
#include "net/target.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text, *host;
	unsigned port;
	bool is_ip;
} good[] = {
	{"example.com", "example.com", 443, false},
	{"Example.COM", "example.com", 443, false},
	{"example.com.", "example.com", 443, false},
	{"localhost:8443", "localhost", 8443, false},
	{"a_b.example:1", "a_b.example", 1, false},
	{"host:65535", "host", 65535, false},
	{"host:00443", "host", 443, false},
	{"192.0.2.7", "192.0.2.7", 443, true},
	{"192.0.2.7:444", "192.0.2.7", 444, true},
	{"[::1]", "::1", 443, true},
	{"[::1]:8443", "::1", 8443, true},
	{"::1", "::1", 443, true},
	{"2001:DB8:0:0::1", "2001:db8::1", 443, true},
	{"[fe80::1%eth0]:444", "fe80::1%eth0", 444, true},
	{"https://[FE80::1%25eth0]/", "fe80::1%eth0", 443, true},
	{"fe80::1%2", "fe80::1%2", 443, true},
	{"https://example.com", "example.com", 443, false},
	{"HTTPS://example.com:8443/a/b?c#d", "example.com", 8443, false},
	{"https://[2001:db8::1]:5/x", "2001:db8::1", 5, true},
	{"https://user:p@ss@example.com/", "example.com", 443, false},
	{"https://example.com?x@y", "example.com", 443, false},
	{"https://example.com#@other", "example.com", 443, false},
	{"xn--mller-kva.example", "xn--mller-kva.example", 443, false},
	{"3.example", "3.example", 443, false},
};

START_TEST(test_good)
{
	struct target t;

	ck_assert_msg(target_parse(good[_i].text, &t) == NULL, "%s", good[_i].text);
	ck_assert_str_eq(t.host, good[_i].host);
	ck_assert_uint_eq(t.port, good[_i].port);
	ck_assert_int_eq(t.is_ip, good[_i].is_ip);
}
END_TEST

static const struct {
	const char *text, *host;
	unsigned port;
	enum starttls_protocol starttls;
	const char *scheme;
} schemes[] = {
	{"h", "h", 443, STARTTLS_NONE, "https"},
	{"h:8443", "h", 8443, STARTTLS_NONE, "https"},
	{"h:25", "h", 25, STARTTLS_SMTP, "smtp"},
	{"h:465", "h", 465, STARTTLS_NONE, "smtps"},
	{"h:587", "h", 587, STARTTLS_SMTP, "submission"},
	{"h:5432", "h", 5432, STARTTLS_POSTGRES, "postgres"},
	{"[::1]:389", "::1", 389, STARTTLS_LDAP, "ldap"},
	{"https://h:25", "h", 25, STARTTLS_NONE, "https"},
	{"smtp://h", "h", 25, STARTTLS_SMTP, "smtp"},
	{"SMTP://h:2525", "h", 2525, STARTTLS_SMTP, "smtp"},
	{"smtps://h", "h", 465, STARTTLS_NONE, "smtps"},
	{"submission://h", "h", 587, STARTTLS_SMTP, "submission"},
	{"lmtp://h", "h", 24, STARTTLS_LMTP, "lmtp"},
	{"imap://u@h/INBOX", "h", 143, STARTTLS_IMAP, "imap"},
	{"imaps://h", "h", 993, STARTTLS_NONE, "imaps"},
	{"pop3://h", "h", 110, STARTTLS_POP3, "pop3"},
	{"pop3s://h", "h", 995, STARTTLS_NONE, "pop3s"},
	{"ftp://h", "h", 21, STARTTLS_FTP, "ftp"},
	{"ftps://h", "h", 990, STARTTLS_NONE, "ftps"},
	{"ldap://h/dc=x", "h", 389, STARTTLS_LDAP, "ldap"},
	{"ldaps://h", "h", 636, STARTTLS_NONE, "ldaps"},
	{"xmpp://h", "h", 5222, STARTTLS_XMPP, "xmpp"},
	{"xmpp-server://h", "h", 5269, STARTTLS_XMPP_SERVER, "xmpp-server"},
	{"irc://h", "h", 6667, STARTTLS_IRC, "irc"},
	{"ircs://h", "h", 6697, STARTTLS_NONE, "ircs"},
	{"nntp://h", "h", 119, STARTTLS_NNTP, "nntp"},
	{"nntps://h", "h", 563, STARTTLS_NONE, "nntps"},
	{"sieve://h", "h", 4190, STARTTLS_SIEVE, "sieve"},
	{"postgresql://u:p@h:6543/db?x=y", "h", 6543, STARTTLS_POSTGRES, "postgresql"},
	{"mysql://h", "h", 3306, STARTTLS_MYSQL, "mysql"},
};

START_TEST(test_schemes)
{
	struct target t;

	ck_assert_msg(target_parse(schemes[_i].text, &t) == NULL, "%s", schemes[_i].text);
	ck_assert_str_eq(t.host, schemes[_i].host);
	ck_assert_uint_eq(t.port, schemes[_i].port);
	ck_assert_int_eq(t.starttls, schemes[_i].starttls);
	ck_assert_str_eq(t.scheme, schemes[_i].scheme);
}
END_TEST

START_TEST(test_idn)
{
	struct target t;
#ifdef CATRUST_IDN
	ck_assert_ptr_null(target_parse("https://m\xc3\xbcller.example:444/x", &t));
	ck_assert_str_eq(t.host, "xn--mller-kva.example");
	ck_assert_uint_eq(t.port, 444);
	ck_assert_ptr_null(target_parse("M\xc3\x9cLLER.example", &t));
	ck_assert_str_eq(t.host, "xn--mller-kva.example");
#else
	ck_assert_ptr_nonnull(target_parse("m\xc3\xbcller.example", &t));
#endif
}
END_TEST

static const char *const bad[] = {
	"",
	".",
	":443",
	"host:",
	"host:0",
	"host:65536",
	"host:4294967739",
	"host:99999999999999999999",
	"host:x",
	"host:-1",
	"host: 443",
	"host:443x",
	"[::1",
	"[::1]443",
	"[::1]:",
	"[]",
	"[example.com]",
	"[fe80::1%]",
	"[fe80::1%a/b]",
	"[fe80::1%a b]",
	"[fe80::1%anamethatistoolongforone]",
	"1:2:3",
	"http://example.com",
	"gopher://example.com",
	"smtp:/example.com",
	"smtp://",
	"ldap://host:0",
	"://example.com",
	"https://",
	"https:///path",
	"https://user@",
	"host name",
	"host\n",
	"host\tx",
	"host/path",
	"a..b",
	".host",
	"-option",
	"127.1",
	"0x7f.0.0.0x1",
	"1.2.3.4.5",
	"256.0.0.1",
	"2130706433",
	"m\xfcller.example",
	"host\x1b[2J",
	"a123456789b123456789c123456789d123456789e123456789f123456789g123.example",
};

START_TEST(test_bad)
{
	struct target t = {.port = 7};

	ck_assert_msg(target_parse(bad[_i], &t) != NULL, "%s", bad[_i]);
	ck_assert_uint_eq(t.port, 7);
}
END_TEST

START_TEST(test_length)
{
	char text[300];
	struct target t;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 50 == 49 ? '.' : 'a';
	text[253] = '\0';
	ck_assert_ptr_null(target_parse(text, &t));
	text[253] = 'a';
	text[254] = '\0';
	ck_assert_ptr_nonnull(target_parse(text, &t));
}
END_TEST

START_TEST(test_text)
{
	char buf[TARGET_TEXT];
	struct target t;

	ck_assert_ptr_null(target_parse("https://HOST/", &t));
	ck_assert_str_eq(target_text(&t, buf), "host:443");
	ck_assert_ptr_null(target_parse("[::1]:8443", &t));
	ck_assert_str_eq(target_text(&t, buf), "[::1]:8443");
}
END_TEST

START_TEST(test_name)
{
	struct target t;

	ck_assert_ptr_null(target_parse_name("Name.Example", &t));
	ck_assert_str_eq(t.host, "name.example");
	ck_assert(!t.is_ip);
	ck_assert_ptr_null(target_parse_name("::1", &t));
	ck_assert(t.is_ip);
	ck_assert_ptr_nonnull(target_parse_name("name:443", &t));
	ck_assert_ptr_nonnull(target_parse_name("", &t));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("target");
	TCase *tests = tcase_create("target");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tests, test_good, 0, sizeof(good) / sizeof(*good));
	tcase_add_loop_test(tests, test_schemes, 0, sizeof(schemes) / sizeof(*schemes));
	tcase_add_test(tests, test_idn);
	tcase_add_loop_test(tests, test_bad, 0, sizeof(bad) / sizeof(*bad));
	tcase_add_test(tests, test_length);
	tcase_add_test(tests, test_text);
	tcase_add_test(tests, test_name);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
