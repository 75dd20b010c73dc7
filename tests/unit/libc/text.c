/* SPDX-License-Identifier: Apache-2.0 */
#include "libc/text.h"

#include "fixture.h"

#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

START_TEST(joins_and_counts)
{
	char buf[64];
	struct text t = TEXT(buf);

	text_add(&t, "line ");
	text_add_uint(&t, 0);
	text_add(&t, "/");
	text_add_uint(&t, SIZE_MAX);
	ck_assert_str_eq(buf, "line 0/18446744073709551615");
	ck_assert_uint_eq(t.len, strlen(buf));
}
END_TEST

START_TEST(cuts_off_what_does_not_fit)
{
	char buf[8];
	struct text t = TEXT(buf);

	text_add(&t, "12345");
	text_add(&t, "67890");
	ck_assert_str_eq(buf, "1234567");
	text_add(&t, "x");
	text_add_uint(&t, 1);
	ck_assert_str_eq(buf, "1234567");
}
END_TEST

static const struct {
	const char *in, *out;
} escapes[] = {
	{"plain /path.pem", "plain /path.pem"},
	{"a\nb\x1b[31m", "a\\x0ab\\x1b[31m"},
	{"tab\tdel\x7f", "tab\\x09del\\x7f"},
	{"M\xc3\xbcller", "M\xc3\xbcller"},
	{"\xe2\x82\xac \xf0\x9f\x94\x92", "\xe2\x82\xac \xf0\x9f\x94\x92"},
	{"latin\xe9", "latin\\xe9"},
	{"cut\xe2\x82", "cut\\xe2\\x82"},
	{"C1 \xc2\x9b", "C1 \\xc2\\x9b"},
	{"overlong \xc0\x8a \xe0\x80\x8a", "overlong \\xc0\\x8a \\xe0\\x80\\x8a"},
	{"surrogate \xed\xa0\x80", "surrogate \\xed\\xa0\\x80"},
	{"bidi \xe2\x80\xae", "bidi \\xe2\\x80\\xae"},
	{"too far \xf4\x90\x80\x80", "too far \\xf4\\x90\\x80\\x80"},
};

START_TEST(escapes_what_moves_a_cursor)
{
	char buf[256];
	struct text t = TEXT(buf);

	text_add_escaped(&t, escapes[_i].in);
	ck_assert_str_eq(buf, escapes[_i].out);
}
END_TEST

START_TEST(never_cuts_a_character_in_two)
{
	char buf[5];
	struct text t = TEXT(buf);

	text_add_escaped(&t, "abc\xe2\x82\xac");
	ck_assert_str_eq(buf, "abc");
	t = TEXT(buf);
	text_add_escaped(&t, "a\n\n");
	ck_assert_str_eq(buf, "a");
}
END_TEST

START_TEST(is_a_json_string)
{
	char escaped[64], buf[130], little[6];
	struct text in = TEXT(escaped), out = TEXT(buf), cut = TEXT(little);

	text_add_escaped(&in, "a\"b\\\n\xff\xe2\x82\xac\"");
	text_add_json(&out, escaped);
	ck_assert_str_eq(buf, "\"a\\\"b\\\\\\\\x0a\\\\xff\xe2\x82\xac\\\"\"");
	text_add_json(&cut, "\"\"\"\"\"\"\"");
	ck_assert_uint_lt(cut.len, sizeof(little));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("text");
	TCase *tc = tcase_create("text");

	tcase_add_test(tc, joins_and_counts);
	tcase_add_test(tc, cuts_off_what_does_not_fit);
	tcase_add_loop_test(tc, escapes_what_moves_a_cursor, 0,
			    (int)(sizeof(escapes) / sizeof(*escapes)));
	tcase_add_test(tc, never_cuts_a_character_in_two);
	tcase_add_test(tc, is_a_json_string);
	suite_add_tcase(suite, tc);
	return fixture_run(suite);
}
