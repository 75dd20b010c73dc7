/* SPDX-License-Identifier: Apache-2.0 */
/* JSON, whatever the text in it. */
#include "base/json.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char *written;
static size_t written_len;

static struct json start(void)
{
	return (struct json){.to = open_memstream(&written, &written_len)};
}

static void expect(struct json *j, const char *text)
{
	fclose(j->to);
	ck_assert_str_eq(written, text);
	free(written);
}

START_TEST(test_shape)
{
	struct json j = start();

	json_open_object(&j, NULL);
	json_number(&j, "n", -7);
	json_open_array(&j, "empty");
	json_close_array(&j);
	json_open_array(&j, "a");
	json_string(&j, NULL, "x");
	json_open_object(&j, NULL);
	json_bool(&j, "t", true);
	json_string(&j, "null", NULL);
	json_close_object(&j);
	json_close_array(&j);
	json_close_object(&j);
	expect(&j, "{\n  \"n\": -7,\n  \"empty\": [],\n  \"a\": [\n    \"x\",\n    {\n"
		   "      \"t\": true,\n      \"null\": null\n    }\n  ]\n}\n");
}
END_TEST

static const struct {
	const char *text, *json;
} strings[] = {
	{"", "\"\""},
	{"a\"b\\c/", "\"a\\\"b\\\\c/\""},
	{"\x1b[2J\n\x7f", "\"\\u001b[2J\\u000a\\u007f\""},
	{"\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80", "\"\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80\""},
	{"\xc2\x9b", "\"\\u009b\""},
	{"\xff", "\"\\ufffd\""},
	{"\xc3", "\"\\ufffd\""},
	/* what a terminal would hide or turn round */
	{"a\xe2\x80\xae"
	 "b\xe2\x80\x8b\xe2\x81\xa6\xef\xbb\xbf",
	 "\"a\\u202eb\\u200b\\u2066\\ufeff\""},
	{"\xf3\xa0\x81\x81\xf0\x9f\x94\x92", "\"\\udb40\\udc41\xf0\x9f\x94\x92\""},
	{"\xe2\x82", "\"\\ufffd\\ufffd\""},
	{"\xc0\x80", "\"\\ufffd\\ufffd\""},
	{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
	{"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
};

START_TEST(test_strings)
{
	struct json j = start();

	json_string(&j, NULL, strings[_i].text);
	expect(&j, strings[_i].json);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json");
	TCase *tests = tcase_create("json");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, test_shape);
	tcase_add_loop_test(tests, test_strings, 0, sizeof(strings) / sizeof(*strings));
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
