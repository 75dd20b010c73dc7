/* SPDX-License-Identifier: Apache-2.0 */
/* The exchanges before TLS, without a network. */
#include "net/starttls/starttls.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES(text) (text), sizeof(text) - 1

/* What is said on both sides, in turn; bytes, as LDAP and databases have NULs. */
struct turn {
	const char *server;
	size_t server_len;
	const char *client;
	size_t client_len;
};

enum { TURNS = 4 };

static const struct {
	enum starttls_protocol protocol;
	const char *first;
	size_t first_len;
	struct turn turn[TURNS];
} good[] = {
	{STARTTLS_SMTP,
	 "",
	 0,
	 {{BYTES("220 mx.example ESMTP\r\n"), BYTES("EHLO localhost\r\n")},
	  {BYTES("250-mx.example\r\n250-SIZE 1\r\n250 STARTTLS\r\n"), BYTES("STARTTLS\r\n")},
	  {BYTES("220 2.0.0 go\r\n"), BYTES("")}}},
	{STARTTLS_SMTP,
	 "",
	 0,
	 {{BYTES("220-mx.example\n220 hello\n"), BYTES("EHLO localhost\r\n")},
	  {BYTES("250\r\n"), BYTES("STARTTLS\r\n")},
	  {BYTES("220\r\n"), BYTES("")}}},
	{STARTTLS_LMTP,
	 "",
	 0,
	 {{BYTES("220 x LMTP\r\n"), BYTES("LHLO localhost\r\n")},
	  {BYTES("250 STARTTLS\r\n"), BYTES("STARTTLS\r\n")},
	  {BYTES("220 go\r\n"), BYTES("")}}},
	{STARTTLS_IMAP,
	 "",
	 0,
	 {{BYTES("* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"), BYTES("a STARTTLS\r\n")},
	  {BYTES("* CAPABILITY X\r\na OK begin\r\n"), BYTES("")}}},
	{STARTTLS_POP3,
	 "",
	 0,
	 {{BYTES("+OK ready\r\n"), BYTES("STLS\r\n")}, {BYTES("+OK\r\n"), BYTES("")}}},
	{STARTTLS_FTP,
	 "",
	 0,
	 {{BYTES("220-hello\r\n welcome\r\n220 ready\r\n"), BYTES("AUTH TLS\r\n")},
	  {BYTES("234 go\r\n"), BYTES("")}}},
	{STARTTLS_NNTP,
	 "",
	 0,
	 {{BYTES("201 no posting\r\n"), BYTES("STARTTLS\r\n")}, {BYTES("382 go\r\n"), BYTES("")}}},
	{STARTTLS_SIEVE,
	 "",
	 0,
	 {{BYTES("\"IMPLEMENTATION\" \"x\"\r\n\"STARTTLS\"\r\nOK \"ready\"\r\n"),
	   BYTES("STARTTLS\r\n")},
	  {BYTES("OK \"go\"\r\n"), BYTES("")}}},
	{STARTTLS_IRC,
	 BYTES("STARTTLS\r\n"),
	 {{BYTES(":irc.example NOTICE * :hello\r\nPING :1\r\n"), BYTES("PONG :1\r\n")},
	  {BYTES(":irc.example 670 * :go\r\n"), BYTES("")}}},
	{STARTTLS_LDAP,
	 BYTES("\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
	       "1.3.6.1.4.1.1466.20037"),
	 {{BYTES("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"), BYTES("")}}},
	/* Active Directory's lengths have four bytes. */
	{STARTTLS_LDAP,
	 BYTES("\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
	       "1.3.6.1.4.1.1466.20037"),
	 {{BYTES("\x30\x84\0\0\0\x10\x02\x01\x01\x78\x84\0\0\0\x07\x0a\x01\x00\x04\x00\x04\x00"),
	   BYTES("")}}},
	{STARTTLS_POSTGRES, BYTES("\0\0\0\x08\x04\xd2\x16\x2f"), {{BYTES("S"), BYTES("")}}},
	{STARTTLS_MYSQL,
	 "",
	 0,
	 {{BYTES("\x1c\0\0\0\x0a"
		 "8.0\0"
		 "\1\0\0\0"
		 "12345678\0"
		 "\xff\xff"
		 "\x21\2\0\xff\xff\x15"
		 "\0\0"),
	   BYTES("\x20\0\0\1\1\x8a\0\0\0\0\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		 "\0")}}},
	{STARTTLS_XMPP,
	 BYTES("<?xml version='1.0'?><stream:stream "
	       "xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client' "
	       "to='host.example' version='1.0'>"),
	 {{BYTES("<?xml version='1.0'?><stream:stream from='a>b'><stream:features><starttls "
		 "xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"),
	   BYTES("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")},
	  {BYTES("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"), BYTES("")}}},
	{STARTTLS_XMPP_SERVER,
	 BYTES("<?xml version='1.0'?><stream:stream "
	       "xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:server' "
	       "to='host.example' version='1.0'>"),
	 {{BYTES("<x:stream><x:features></x:features>"),
	   BYTES("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")},
	  {BYTES("<proceed></proceed>"), BYTES("")}}},
};

static void expect_said(struct starttls *s, const char *text, size_t len)
{
	ck_assert_uint_eq(s->out_len, len);
	ck_assert_mem_eq(s->out, text, len);
	s->out_len = 0;
}

/* chunk: how many bytes come at a time. */
static void play(int i, size_t chunk)
{
	struct reason why = {""};
	struct starttls s;

	starttls_start(&s, good[i].protocol, "host.example");
	expect_said(&s, good[i].first, good[i].first_len);
	for (int t = 0; t < TURNS && good[i].turn[t].server != NULL; t++) {
		const struct turn *turn = &good[i].turn[t];

		ck_assert_int_eq(s.state, STARTTLS_WAIT);
		for (size_t at = 0; at < turn->server_len; at += chunk) {
			size_t left = turn->server_len - at;

			starttls_feed(&s, turn->server + at, left < chunk ? left : chunk, &why);
		}
		ck_assert_msg(s.state != STARTTLS_REFUSED, "%s", why.text);
		expect_said(&s, turn->client, turn->client_len);
	}
	ck_assert_int_eq(s.state, STARTTLS_READY);
}

START_TEST(test_good)
{
	play(_i, 1);
	play(_i, 7);
	play(_i, 100000);
}
END_TEST

static const struct {
	enum starttls_protocol protocol;
	const char *server;
	size_t len;
	const char *words;
} refused[] = {
	{STARTTLS_SMTP, BYTES("554 go away\r\n"), "554 go away"},
	{STARTTLS_SMTP, BYTES("SSH-2.0-x\r\n"), "SSH-2.0-x"},
	{STARTTLS_SMTP, BYTES("220 a\r\n250 a\r\n454 not \x1b[2Jnow\r\n"), "454 not \\x1b[2Jnow"},
	{STARTTLS_SMTP, BYTES("220 a\r\n250 a\r\n220 go\r\n250 injected\r\n"), "inserted"},
	{STARTTLS_SMTP, BYTES("220 a\r\n500 what\r\n"), "500 what"},
	{STARTTLS_LMTP, BYTES("220 a\r\n500 what\r\n"), "500 what"},
	{STARTTLS_IMAP, BYTES("* PREAUTH hello\r\n"), "PREAUTH"},
	{STARTTLS_IMAP, BYTES("* BYE\r\n"), "BYE"},
	{STARTTLS_IMAP, BYTES("* OK\r\na NO never\r\n"), "a NO never"},
	{STARTTLS_IMAP, BYTES("* OK\r\na OKAY\r\n"), "a OKAY"},
	{STARTTLS_IMAP, BYTES("* OK\r\n* BYE tired\r\n"), "tired"},
	{STARTTLS_POP3, BYTES("+OK\r\n-ERR no\r\n"), "-ERR no"},
	{STARTTLS_FTP, BYTES("220 a\r\n502 what\r\n"), "502 what"},
	{STARTTLS_FTP, BYTES("421 full\r\n"), "421 full"},
	{STARTTLS_NNTP, BYTES("200 a\r\n580 no\r\n"), "580 no"},
	{STARTTLS_SIEVE, BYTES("OK\r\nNO \"no\"\r\n"), "NO"},
	{STARTTLS_SIEVE, BYTES("BYE\r\n"), "BYE"},
	{STARTTLS_IRC, BYTES(":x 451 STARTTLS :register\r\n"), "451"},
	{STARTTLS_IRC, BYTES(":x 691 x :no\r\n"), "691"},
	{STARTTLS_IRC, BYTES("ERROR :closed\r\n"), "closed"},
	{STARTTLS_LDAP,
	 BYTES("\x30\x0f\x02\x01\x01\x78\x0a\x0a\x01\x34\x04\x00\x04\x03\x6e\x6f\x21"), "no!"},
	{STARTTLS_LDAP, BYTES("\x30\x80\x02\x01\x01"), "not LDAP"},
	{STARTTLS_LDAP, BYTES("\x30\x84\xff\xff\xff\xff"), "not LDAP"},
	{STARTTLS_LDAP, BYTES("\x30\x03\x02\x01\x01"), "not LDAP"},
	{STARTTLS_LDAP, BYTES("\x30\x02\x02\x7f"), "not LDAP"},
	{STARTTLS_LDAP, BYTES("HTTP/1.1"), "not LDAP"},
	{STARTTLS_POSTGRES, BYTES("N"), "does not support TLS"},
	{STARTTLS_POSTGRES, BYTES("SS"), "inserted"},
	{STARTTLS_POSTGRES, BYTES("E\0\0\0\7no"), "not the PostgreSQL protocol"},
	{STARTTLS_MYSQL, BYTES("\x0b\0\0\0\xff\x69\4Host '\x1b'"), "Host '\\x1b'"},
	{STARTTLS_MYSQL,
	 BYTES("\x16\0\0\0\x0a"
	       "8.0\0"
	       "\1\0\0\0"
	       "12345678\0"
	       "\0\0"
	       "xx"),
	 "does not support TLS"},
	{STARTTLS_MYSQL, BYTES("\1\0\0\0\x0a"), "not the MySQL protocol"},
	{STARTTLS_MYSQL, BYTES("\0\0\0\0"), "not the MySQL protocol"},
	{STARTTLS_MYSQL, BYTES("220 smtp.example\r\n"), "not the MySQL protocol"},
	{STARTTLS_XMPP, BYTES("<stream:stream><stream:error><host-unknown/>"), "host-unknown"},
	{STARTTLS_XMPP, BYTES("<stream:stream><stream:features/><failure/>"), "<failure/>"},
	{STARTTLS_XMPP, BYTES("<stream:stream></stream:stream>"), "closes"},
	{STARTTLS_XMPP, BYTES("<s:features/><proceed/><x>"), "inserted"},
};

START_TEST(test_refused)
{
	struct reason why = {""};
	struct starttls s;

	starttls_start(&s, refused[_i].protocol, "host.example");
	starttls_feed(&s, refused[_i].server, refused[_i].len, &why);
	ck_assert_int_eq(s.state, STARTTLS_REFUSED);
	ck_assert_msg(strstr(why.text, refused[_i].words) != NULL, "%s: %s", refused[_i].words,
		      why.text);
	ck_assert_ptr_null(strchr(why.text, '\x1b'));
}
END_TEST

/* Whatever the protocol: no end, or no line, is given up. */
START_TEST(test_without_end)
{
	static const char *const endless[] = {"x", "220-x\r\n", "* OK x\r\n", "<a>",
					      "\x30\x03\x02"};
	char text[4096];

	for (size_t i = 0; i < sizeof(endless) / sizeof(*endless); i++) {
		size_t len = strlen(endless[i]), fed = 0;
		struct reason why = {""};
		struct starttls s;

		for (size_t at = 0; at < sizeof(text); at++)
			text[at] = endless[i][at % len];
		starttls_start(&s, (enum starttls_protocol)_i, "h");
		while (s.state == STARTTLS_WAIT && fed < 4 * STARTTLS_MAX_TOTAL) {
			starttls_feed(&s, text, sizeof(text), &why);
			fed += sizeof(text);
		}
		ck_assert_int_eq(s.state, STARTTLS_REFUSED);
		ck_assert_uint_le(s.total, STARTTLS_MAX_TOTAL + STARTTLS_MAX_PIECE);
	}
}
END_TEST

START_TEST(test_names)
{
	enum starttls_protocol p;

	for (int i = 0; i < STARTTLS_PROTOCOLS; i++) {
		ck_assert(starttls_by_name(starttls_name((enum starttls_protocol)i), &p));
		ck_assert_int_eq(p, i);
	}
	ck_assert(starttls_by_name("PostgreSQL", &p));
	ck_assert_int_eq(p, STARTTLS_POSTGRES);
	ck_assert(!starttls_by_name("telnet", &p));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("starttls");
	TCase *tests = tcase_create("starttls");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tests, test_good, 0, sizeof(good) / sizeof(*good));
	tcase_add_loop_test(tests, test_refused, 0, sizeof(refused) / sizeof(*refused));
	tcase_add_loop_test(tests, test_without_end, STARTTLS_NONE + 1, STARTTLS_PROTOCOLS);
	tcase_add_test(tests, test_names);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
