/* SPDX-License-Identifier: Apache-2.0 */
/* The names of servers: what each stands for, and what it is to a scope. Without certificates. */
#include "x509/names.h"

#include "anchors/scope.h"
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

/* Folders, a CN, and what it is to them; without a certificate. */
static const struct {
	const char *folders, *cn;
	enum { INSIDE, OUTSIDE, NO_HOST } want;
} common_names[] = {
	{"corp.example", "corp.example", INSIDE},
	{"corp.example", "www.corp.example", INSIDE},
	{"corp.example", "WWW.Corp.EXAMPLE", INSIDE},
	{"Corp.EXAMPLE", "www.corp.example", INSIDE},
	{"corp.example", "a_b.c-.corp.example", INSIDE},
	{"corp.example", "see www.corp.example", INSIDE},
	{"corp.example", "b\xc3\xa4nk.corp.example", INSIDE},
	{"corp.example", "evilcorp.example", OUTSIDE},
	{"corp.example", "example", OUTSIDE},
	{"corp.example", "orp.example", OUTSIDE},
	{"corp.example", "corp.example.evil.example", OUTSIDE},
	{"corp.example", "www.bank.example", OUTSIDE},
	/* What OpenSSL takes for no name of a host, and X509_check_host() compares nonetheless. */
	{"corp.example", "www.bank.example.", OUTSIDE},
	{"corp.example", "www.corp.example.", OUTSIDE},
	{"corp.example", "x-.bank.example", OUTSIDE},
	{"corp.example", "x.-bank.example", OUTSIDE},
	{"corp.example", "www.bank.example-", OUTSIDE},
	{"corp.example", "-www.bank.example", OUTSIDE},
	{"corp.example", "a..bank.example", OUTSIDE},
	{"corp.example", ".bank.example", OUTSIDE},
	{"corp.example", "a+b.bank.example", OUTSIDE},
	{"corp.example", "a b.bank.example", OUTSIDE},
	{"corp.example", "www.bank.example ", OUTSIDE},
	{"corp.example", "b\xc3\xa4nk.example", OUTSIDE},
	{"corp.example", "b\xc3\xa4nk", OUTSIDE},
	{"corp.example",
	 "www\xe3\x80\x82"
	 "bank\xe3\x80\x82"
	 "example",
	 OUTSIDE},
	{"corp.example", "see www.bank.example", OUTSIDE},
	/* One word is a host, as is an address however it is written. */
	{"corp.example", "intranet", OUTSIDE},
	{"corp.example", "a+b", OUTSIDE},
	{"corp.example", "fe80::1%eth0", OUTSIDE},
	{"corp.example", "[fd00::5]", OUTSIDE},
	{"corp.example", "host:443", OUTSIDE},
	{"intranet", "intranet", INSIDE},
	{"intranet", "INTRANET", INSIDE},
	{"intranet", "www.intranet", INSIDE},
	{"intranet", "extranet", OUTSIDE},
	/* Wildcards. */
	{"corp.example", "*.corp.example", INSIDE},
	{"corp.example", "w*.corp.example", INSIDE},
	{"www.corp.example", "*.corp.example", OUTSIDE},
	{"corp.example", "*corp.example", OUTSIDE},
	{"corp.example", "*", OUTSIDE},
	/* Words. */
	{"corp.example", "", NO_HOST},
	{"corp.example", "no name of a host", NO_HOST},
	{"10.0.0.0_8", "R&D: server (new) *", NO_HOST},
	{"corp.example", "Corp. server", NO_HOST},
	{"corp.example", "Corp Ltd. server", NO_HOST},
	{"corp.example", "B\xc3\xbcro Server", NO_HOST},
	{"corp.example", " localhost", OUTSIDE},
	{"corp.example", "localhost ", OUTSIDE},
	{"corp.example", "127.0.0.1 ", OUTSIDE},
	{"corp.example", "127.0.0.1 x", OUTSIDE},
	{"corp.example", "system:node:worker-1", NO_HOST},
	{"corp.example", "system:node:w1.corp.example", INSIDE},
	{"corp.example", "system:node:w1.bank.example", OUTSIDE},
	/* Some client ends a string at these, or a list of names. */
	{"corp.example", "www.bank.example\nO=x.corp.example", OUTSIDE},
	{"corp.example", "our server\nCN=localhost", OUTSIDE},
	{"corp.example", "our\tserver", OUTSIDE},
	/* Addresses. */
	{"10.0.0.0_8", "10.1.2.3", INSIDE},
	{"10.0.0.0_8", "11.1.2.3", OUTSIDE},
	{"10.0.0.0_8", "010.1.2.3", OUTSIDE},
	{"10.0.0.0_8", "10.1.2.3.", OUTSIDE},
	{"10.0.0.0_8", "::ffff:10.1.2.3", OUTSIDE},
	{"10.0.0.0_8", "167838211", OUTSIDE},
	{"10.0.0.0_8", "www.corp.example", OUTSIDE},
	{"corp.example", "10.1.2.3", OUTSIDE},
	{"10.1.2.3", "10.1.2.3", INSIDE},
	{"fd00__8", "fd00::5", INSIDE},
	{"fd00__8", "FD00:0:0:0:0:0:0:5", INSIDE},
	{"fd00__8", "fe80::5", OUTSIDE},
	{"fd00__8", "fd00::5%eth0", OUTSIDE},
	/* Several. */
	{"corp.example 10.0.0.0_8 intranet", "10.1.2.3", INSIDE},
	{"corp.example 10.0.0.0_8 intranet", "intranet", INSIDE},
	{"corp.example 10.0.0.0_8 intranet", "www.corp.example", INSIDE},
	{"corp.example 10.0.0.0_8 intranet", "corp", OUTSIDE},
};

START_TEST(common_names_of_servers)
{
	struct scope scopes[4];
	char *copy = strdup(common_names[_i].folders), *rest = NULL;
	struct name name;
	size_t count = 0;

	ck_assert_ptr_nonnull(copy);
	for (char *folder = strtok_r(copy, " ", &rest); folder != NULL;
	     folder = strtok_r(NULL, " ", &rest))
		ck_assert_int_eq(scope_parse(folder, &scopes[count++]), 0);
	names_common((const unsigned char *)common_names[_i].cn, strlen(common_names[_i].cn),
		     &name);
	ck_assert_msg((name.host == NAME_IS_NO_HOST) == (common_names[_i].want == NO_HOST) &&
			      scope_has(scopes, count, &name) == (common_names[_i].want == INSIDE),
		      "[%s] CN=%s", common_names[_i].folders, common_names[_i].cn);
	/* Nothing is inside of no scope. */
	ck_assert(!scope_has(scopes, 0, &name));
	free(copy);
}
END_TEST

/* The contents of GeneralNames by tag, and what they stand for. want: NULL: unreadable; "-": none.
 */
enum { OTHER = 0xa0, EMAIL = 0x81, DNS = 0x82, X400 = 0xa3, DIRECTORY, EDI, URI = 0x86, IP, RID };
#define BYTES(text) text, sizeof(text) - 1
static const struct {
	int tag;
	const char *bytes;
	size_t len;
	const char *want;
} general_names[] = {
	{DNS, BYTES("www.corp.example"), "www.corp.example"},
	{DNS, BYTES("*.corp.example"), "*.corp.example"},
	{DNS, BYTES("_dc.My_Host.corp.example"), "_dc.My_Host.corp.example"},
	{DNS, BYTES("www.corp.example."), "www.corp.example."},
	{DNS, BYTES("xn--bcher-kva.example"), "xn--bcher-kva.example"},
	{DNS, BYTES("10.1.2.3"), "10.1.2.3"},
	{DNS, BYTES(""), NULL},
	{DNS, BYTES("www.bank.example\0.corp.example"), NULL},
	{DNS, BYTES("www.corp.example\0"), NULL},
	{DNS, BYTES("\0"), NULL},
	{DNS, BYTES("localhost/.corp.example"), NULL},
	/* Names as Node.js once wrote them into one string, CVE-2021-44532. */
	{DNS, BYTES("a, DNS:bank.example, x.corp.example"), NULL},
	{DNS, BYTES("b\xc3\xbc.corp.example"), NULL},
	{DNS, BYTES("a b.corp.example"), NULL},
	{DNS, BYTES("www.bank.example\n.corp.example"), NULL},
	{IP, BYTES("\x0a\x01\x02\x03"), "10.1.2.3"},
	{IP, BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"), "::1"},
	{IP, BYTES("\x0a\x01\x02"), NULL},
	{IP, BYTES("\x0a\0\0\0\xff\0\0\0"), NULL},
	{IP, BYTES(""), NULL},
	/* URIs. */
	{URI, BYTES("https://www.corp.example/"), "www.corp.example"},
	{URI, BYTES("https://www.corp.example"), "www.corp.example"},
	{URI, BYTES("HTTPS://WWW.Corp.Example:8443/a,b?c=@d#e"), "WWW.Corp.Example"},
	{URI, BYTES("https://www.corp.example:/"), "www.corp.example"},
	{URI, BYTES("https://user:word@www.corp.example/"), "www.corp.example"},
	{URI, BYTES("spiffe://corp.example/ns/a/sa/b"), "corp.example"},
	{URI, BYTES("https://www.corp.example?@www.bank.example"), "www.corp.example"},
	{URI, BYTES("https://www.corp.example#@www.bank.example"), "www.corp.example"},
	{URI, BYTES("https://10.1.2.3/"), "10.1.2.3"},
	{URI, BYTES("https://[fd00::5]:443/"), "fd00::5"},
	{URI, BYTES("https://[::ffff:10.1.2.3]"), "::ffff:10.1.2.3"},
	{URI, BYTES("https://www.corp.example./"), "www.corp.example."},
	{URI, BYTES("https://0x7f.1/"), "0x7f.1"},
	{URI, BYTES("sip:corp.example"), "corp.example"},
	{URI, BYTES("SIPS:alice@corp.example:5061;transport=tls?a=b"), "corp.example"},
	{URI, BYTES("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), "-"},
	{URI, BYTES("https://www.bank.example\\@www.corp.example/"), NULL},
	{URI, BYTES("https://a@www.bank.example@www.corp.example/"), NULL},
	{URI, BYTES("https://www.bank.example\0@www.corp.example/"), NULL},
	{URI, BYTES("https://www.bank.example\0.corp.example/"), NULL},
	{URI, BYTES("https://www.bank.example%00.corp.example/"), NULL},
	{URI, BYTES("https://www%2ebank.example/"), NULL},
	{URI, BYTES("https://www.bank.example, DNS:x.corp.example"), NULL},
	{URI, BYTES("https://www.bank.example ://x.corp.example/"), NULL},
	{URI, BYTES("https://b\xc3\xbc.corp.example/"), NULL},
	{URI, BYTES("https://www.corp.example/\xc3\xbc"), NULL},
	{URI, BYTES("https://www.corp.example:44x/"), NULL},
	{URI, BYTES("https://www.corp.example:443:80/"), NULL},
	{URI, BYTES("https://[fd00::5/"), NULL},
	{URI, BYTES("https://[fd00::5]x/"), NULL},
	{URI, BYTES("https://[fe80::1%25eth0]/"), NULL},
	{URI, BYTES("https://[v1.x]/"), NULL},
	{URI, BYTES("https://[]/"), NULL},
	{URI, BYTES("https://[/"), NULL},
	{URI, BYTES("https://fd00::5/"), NULL},
	{URI, BYTES("https:///path"), NULL},
	{URI, BYTES("https://"), NULL},
	{URI, BYTES("https://@/"), NULL},
	{URI, BYTES("https://:443/"), NULL},
	{URI, BYTES("https:/www.corp.example/"), NULL},
	{URI, BYTES("https:www.corp.example"), NULL},
	{URI, BYTES("//www.corp.example/"), NULL},
	{URI, BYTES("://www.corp.example/"), NULL},
	{URI, BYTES("ht_tps://www.corp.example/"), NULL},
	{URI, BYTES("www.corp.example"), NULL},
	{URI, BYTES("www.corp.example/"), NULL},
	{URI, BYTES("mailto:a@corp.example"), NULL},
	{URI, BYTES("sip:corp.example;x@bank.example"), NULL},
	{URI, BYTES("sip:corp.example?x@bank.example"), NULL},
	{URI, BYTES("sip:a/b@corp.example/c"), NULL},
	{URI, BYTES("sip:"), NULL},
	{URI, BYTES(":"), NULL},
	{URI, BYTES(""), NULL},
	/* E-mail addresses. */
	{EMAIL, BYTES("a@corp.example"), "corp.example"},
	{EMAIL, BYTES("A.B+c@Mail.CORP.example"), "Mail.CORP.example"},
	{EMAIL, BYTES("corp.example"), NULL},
	{EMAIL, BYTES("@corp.example"), NULL},
	{EMAIL, BYTES("a@"), NULL},
	{EMAIL, BYTES("a@b@corp.example"), NULL},
	{EMAIL, BYTES("\"a@bank.example,\"@corp.example"), NULL},
	{EMAIL, BYTES("a b@corp.example"), NULL},
	{EMAIL, BYTES("a@bank.example\0@corp.example"), NULL},
	{EMAIL, BYTES("a\0@corp.example"), NULL},
	{EMAIL, BYTES("a@bank.example\0.corp.example"), NULL},
	{EMAIL, BYTES("a@[10.1.2.3]"), NULL},
	{EMAIL, BYTES("a@b\xc3\xbc.corp.example"), NULL},
	{EMAIL, BYTES("x, DNS:bank.example, a@corp.example"), NULL},
/* Of the others, those that name a server. */
#define ID_ON(number) "\x06\x08\x2b\x06\x01\x05\x05\x07\x08" number
	{OTHER, BYTES(ID_ON("\7") "\xa0\x0a\x16\x08_a.b.com"), "b.com"},
	{OTHER, BYTES(ID_ON("\7") "\xa0\x0e\x16\x0c_a._tcp.b.cd"), "_tcp.b.cd"},
	{OTHER,
	 BYTES(ID_ON("\7") "\xa0\x09\x16\x07"
			   "a.b.com"),
	 NULL},
	{OTHER, BYTES(ID_ON("\7") "\xa0\x04\x16\x02_a"), NULL},
	{OTHER, BYTES(ID_ON("\7") "\xa0\x05\x16\x03_a."), NULL},
	{OTHER, BYTES(ID_ON("\7") "\xa0\x07\x16\x05_.com"), NULL},
	{OTHER, BYTES(ID_ON("\7") "\xa0\x0a\x04\x08_a.b.com"), NULL},
	{OTHER, BYTES(ID_ON("\7") "\xa0\x0a\x16\x08_a.b\0com"), NULL},
	{OTHER, BYTES(ID_ON("\7") "\x16\x08_a.b.com"), NULL},
	{OTHER, BYTES(ID_ON("\7") "\xa0\x0a\x16\x09_a.b.com"), NULL},
	{OTHER, BYTES(ID_ON("\7") "\xa0\x0a\x16\x07_a.b.com"), NULL},
	{OTHER, BYTES(ID_ON("\7") "\xa0\x0a\x16\x08_a.b.com\x05\0"), NULL},
	{OTHER, BYTES(ID_ON("\7") "\xa0\0"), NULL},
	{OTHER, BYTES(ID_ON("\7")), NULL},
	{OTHER,
	 BYTES(ID_ON("\5") "\xa0\x07\x0c\x05"
			   "b.com"),
	 "b.com"},
	{OTHER,
	 BYTES(ID_ON("\5") "\xa0\x09\x0c\x07"
			   "a@b.com"),
	 "b.com"},
	{OTHER,
	 BYTES(ID_ON("\5") "\xa0\x09\x0c\x07"
			   "\xc3\xbc@b.de"),
	 "b.de"},
	{OTHER,
	 BYTES(ID_ON("\5") "\xa0\x09\x0c\x07"
			   "b.de/@a"),
	 NULL},
	{OTHER,
	 BYTES(ID_ON("\5") "\xa0\x09\x0c\x07"
			   "b.com/a"),
	 NULL},
	{OTHER,
	 BYTES(ID_ON("\5") "\xa0\x07\x0c\x05"
			   "\xc3\xbc.de"),
	 NULL},
	{OTHER,
	 BYTES(ID_ON("\x08") "\xa0\x07\x0c\x05"
			     "b.com"),
	 "b.com"},
	{OTHER,
	 BYTES(ID_ON("\x08") "\xa0\x09\x0c\x07"
			     "*.b.com"),
	 "*.b.com"},
	{OTHER,
	 BYTES(ID_ON("\x08") "\xa0\x09\x0c\x07"
			     "a@b.com"),
	 NULL},
	{OTHER,
	 BYTES(ID_ON("\x09") "\xa0\x09\x0c\x07"
			     "\xc3\xbc@b.de"),
	 "b.de"},
	{OTHER,
	 BYTES(ID_ON("\x09") "\xa0\x07\x0c\x05"
			     "b.com"),
	 NULL},
	/* The user principal name and the GUID of a domain controller. */
	{OTHER,
	 BYTES("\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x03"
	       "\xa0\x09\x0c\x07"
	       "a@b.com"),
	 "-"},
	{OTHER, BYTES("\x06\x09\x2b\x06\x01\x04\x01\x82\x37\x19\x01\xa0\x04\x04\x02xy"), "-"},
	{OTHER, BYTES("\x06\x08\x2b\x06"), NULL},
	{OTHER, BYTES(""), NULL},
	{DIRECTORY, BYTES("\x30\0"), "-"},
	{X400, BYTES("\x30\0"), "-"},
	{EDI, BYTES("\x81\0"), "-"},
	{RID, BYTES("\x2b\x06"), "-"},
	/* What is none: a string in parts, which OpenSSL puts together. */
	{0xa2,
	 BYTES("\x16\x0c"
	       "bank.example"),
	 NULL},
	{0x80, BYTES("x"), NULL},
	{0x89, BYTES("x"), NULL},
	{0x16, BYTES("www.corp.example"), NULL},
	{0x1f, BYTES("www.corp.example"), NULL},
};

START_TEST(what_a_name_stands_for)
{
	const char *want = general_names[_i].want;
	unsigned char der[256];
	size_t len = general_names[_i].len;
	struct span rest;
	struct name name;

	/* All on the heap to its last byte, so that a sanitizer sees what reads beyond it. */
	unsigned char *exact = malloc(len + 4);

	ck_assert_ptr_nonnull(exact);
	ck_assert_uint_lt(len, 120);
	exact[0] = 0x30;
	exact[1] = (unsigned char)(len + 2);
	exact[2] = (unsigned char)general_names[_i].tag;
	exact[3] = (unsigned char)len;
	memcpy(exact + 4, general_names[_i].bytes, len);
	ck_assert(names_open(exact, len + 4, &rest));
	ck_assert(names_next(&rest, &name));
	if (want == NULL) {
		ck_assert_int_eq(name.host, NAME_IS_UNREADABLE);
		ck_assert_str_eq(name.text, "");
	} else if (strcmp(want, "-") == 0) {
		ck_assert_int_eq(name.host, NAME_IS_NO_HOST);
	} else {
		ck_assert(name.host == NAME_IS_HOST || name.host == NAME_IS_ADDRESS);
		ck_assert_str_eq(name.text, want);
		ck_assert_uint_eq(name.address_len, name.host == NAME_IS_HOST	? 0
						    : strchr(want, ':') == NULL ? 4
										: 16);
	}
	ck_assert(!names_next(&rest, &name));
	/* What is cut short is unreadable, or no list at all. */
	memcpy(der, exact, len + 4);
	free(exact);
	ck_assert(!names_open(der, len + 3, &rest));
	der[3]++;
	ck_assert(names_open(der, len + 4, &rest) && names_next(&rest, &name));
	ck_assert_int_eq(name.host, NAME_IS_UNREADABLE);
	ck_assert(!names_next(&rest, &name));
}
END_TEST

START_TEST(lists_of_names)
{
	static const unsigned char empty[] = {0x30, 0}, set[] = {0x31, 0}, more[] = {0x30, 0, 0};
	struct span rest;
	struct name name;

	ck_assert(names_open(empty, sizeof(empty), &rest) && !names_next(&rest, &name));
	ck_assert(!names_open(set, sizeof(set), &rest));
	ck_assert(!names_open(more, sizeof(more), &rest));
	ck_assert(!names_open(empty, 0, &rest));
	names_common(NULL, 0, &name);
	ck_assert_int_eq(name.host, NAME_IS_NO_HOST);
	names_common((const unsigned char *)"a\0b", 3, &name);
	ck_assert_int_eq(name.host, NAME_IS_UNREADABLE);
}
END_TEST

/* Which name is told as the first one outside. */
static const struct {
	const char *cn, *dns, *want;
	enum name_kind kind;
} told[] = {
	{"127.0.0.1", "x.corp.example", "127.0.0.1", NAME_COMMON},
	{"server01", "x.corp.example", "server01", NAME_COMMON},
	{"server01", "server01.bank.example", "server01.bank.example", NAME_DNS},
	{"our server", "www.bank.example", "www.bank.example", NAME_DNS},
	{"our server", "www.bank/example", "", NAME_DNS},
	{"www.corp.example", "www.corp.example", NULL, NAME_OTHER},
};

START_TEST(first_name_outside)
{
	struct scope scope;
	struct scope_check check = {.scopes = &scope, .count = 1};
	unsigned char list[64] = {0x82, (unsigned char)strlen(told[_i].dns)};
	bool holds;

	ck_assert_int_eq(scope_parse("corp.example", &scope), 0);
	memcpy(list + 2, told[_i].dns, strlen(told[_i].dns));
	scope_check_common(&check, (const unsigned char *)told[_i].cn, strlen(told[_i].cn));
	scope_check_names(&check, (struct span){list, strlen(told[_i].dns) + 2});
	holds = scope_check_end(&check);
	ck_assert_int_eq(holds, told[_i].want == NULL);
	if (!holds) {
		ck_assert_str_eq(check.outside.text, told[_i].want);
		ck_assert_int_eq(check.outside.kind, told[_i].kind);
	}
}
END_TEST

START_TEST(more_words_than_are_kept)
{
	struct scope scope;
	struct scope_check check = {.scopes = &scope, .count = 1};
	static const unsigned char list[] = "\x82\x0e"
					    "a.corp.example";

	ck_assert_int_eq(scope_parse("corp.example", &scope), 0);
	for (int i = 0; i < SCOPE_WORDS + 1; i++)
		scope_check_common(&check, (const unsigned char *)"a", 1);
	scope_check_names(&check, (struct span){list, sizeof(list) - 1});
	ck_assert(!scope_check_end(&check));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("names");
	TCase *tc = tcase_create("names");

	tcase_add_loop_test(tc, common_names_of_servers, 0, (int)LENGTH(common_names));
	tcase_add_loop_test(tc, what_a_name_stands_for, 0, (int)LENGTH(general_names));
	tcase_add_test(tc, lists_of_names);
	tcase_add_loop_test(tc, first_name_outside, 0, (int)LENGTH(told));
	tcase_add_test(tc, more_words_than_are_kept);
	suite_add_tcase(suite, tc);
	return fixture_run(suite);
}
