/* SPDX-License-Identifier: Apache-2.0 */
/* Text of others, made safe to print. */
#include "base/escape.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *in;
	size_t len;
	unsigned flags;
	const char *out;
} escapes[] = {
#define TEXT(s) (s), sizeof(s) - 1
	{TEXT("plain text"), 0, "plain text"},
	{TEXT(""), 0, ""},
	{TEXT("M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x94\x92"), 0,
	 "M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x94\x92"},
	{TEXT("M\xc3\xbcller"), ESCAPE_ASCII, "M\\xc3\\xbcller"},
	{TEXT("a\x1b[31mred\x07\r\n\t"), 0, "a\\x1b[31mred\\x07\\x0d\\x0a\\x09"},
	{TEXT("nul\0here"), 0, "nul\\x00here"},
	{TEXT("\x7f"), 0, "\\x7f"},
	{TEXT("back\\slash"), 0, "back\\\\slash"},
	/* C1: CSI in UTF-8, and as a bare byte */
	{TEXT("\xc2\x9b"
	      "2J"),
	 0, "\\xc2\\x9b2J"},
	{TEXT("\x9b"
	      "2J"),
	 0, "\\x9b2J"},
	/* right-to-left override, zero width space, line separator, byte order mark, tag */
	{TEXT("\xe2\x80\xae"), 0, "\\xe2\\x80\\xae"},
	{TEXT("\xe2\x80\x8b"), 0, "\\xe2\\x80\\x8b"},
	{TEXT("\xe2\x80\xa8"), 0, "\\xe2\\x80\\xa8"},
	{TEXT("\xef\xbb\xbf"), 0, "\\xef\\xbb\\xbf"},
	{TEXT("\xf3\xa0\x81\x81"), 0, "\\xf3\\xa0\\x81\\x81"},
	/* overlong, surrogate, beyond Unicode, cut short, a lone tail */
	{TEXT("\xc0\xaf"), 0, "\\xc0\\xaf"},
	{TEXT("\xe0\x80\x9b"), 0, "\\xe0\\x80\\x9b"},
	{TEXT("\xed\xa0\x80"), 0, "\\xed\\xa0\\x80"},
	{TEXT("\xf4\x90\x80\x80"), 0, "\\xf4\\x90\\x80\\x80"},
	{TEXT("\xe2\x82"), 0, "\\xe2\\x82"},
	{TEXT("\xff\xbf"), 0, "\\xff\\xbf"},
	{TEXT("a, O=b+c"), 0, "a, O=b+c"},
	{TEXT("a, O=b+c"), ESCAPE_NAME, "a\\, O\\=b\\+c"},
};

START_TEST(test_escape)
{
	char buf[256];

	escape(buf, sizeof(buf), escapes[_i].in, escapes[_i].len, escapes[_i].flags);
	ck_assert_str_eq(buf, escapes[_i].out);
}
END_TEST

START_TEST(test_escape_cut)
{
	char buf[8];

	ck_assert_str_eq(escape(buf, sizeof(buf), "1234567", 7, 0), "1234567");
	ck_assert_str_eq(escape(buf, sizeof(buf), "12345678", 8, 0), "1234...");
	ck_assert_str_eq(escape(buf, sizeof(buf), "123\x01\x01", 5, 0), "123...");
	ck_assert_str_eq(escape(buf, sizeof(buf), "12345\xe2\x82\xac", 8, 0), "1234...");
	ck_assert_str_eq(escape(buf, sizeof(buf), "\x01\x02\x03", 3, 0), "\\x01...");
	ck_assert_str_eq(escape(buf, 4, "\x01\x02", 2, 0), "...");
}
END_TEST

static const struct {
	const char *in, *out;
} reprs[] = {
	{"a.example", "'a.example'"},
	{"it's", "\"it's\""},
	{"\"it's\"", "'\"it\\'s\"'"},
	{"a\\b", "'a\\\\b'"},
	{"\n\r\t\x1b\x7f", "'\\n\\r\\t\\x1b\\x7f'"},
	{"M\xc3\xbcller\xc2\xa0\xc2\x9b", "'M\xc3\xbcller\\xa0\\x9b'"},
	{"a\xe2\x80\xae"
	 "b\xe2\x80\x8b",
	 "'a\\u202eb\\u200b'"},
	{"\xf3\xa0\x81\x81\xf0\x9f\x94\x92", "'\\U000e0041\xf0\x9f\x94\x92'"},
};

START_TEST(test_repr)
{
	char buf[64], tiny[16];

	ck_assert_str_eq(escape_repr(buf, sizeof(buf), reprs[_i].in), reprs[_i].out);
	ck_assert_uint_lt(strlen(escape_repr(tiny, sizeof(tiny), reprs[_i].in)), sizeof(tiny));
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

int main(void)
{
	Suite *suite = suite_create("escape");
	TCase *tests = tcase_create("escape");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tests, test_escape, 0, COUNT(escapes));
	tcase_add_test(tests, test_escape_cut);
	tcase_add_loop_test(tests, test_repr, 0, sizeof(reprs) / sizeof(*reprs));
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
