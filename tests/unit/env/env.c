/* SPDX-License-Identifier: Apache-2.0 */
/* How variables are written down, the options in Java's, and its trust stores. */
#include "env/configured.h"
#include "env/envprint.h"
#include "env/javaopts.h"
#include "store/storefile.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char *printed(enum envprint_format format, const char *value)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(to);
	ck_assert(envprint(to, format, "X", value));
	ck_assert_int_eq(fclose(to), 0);
	return text;
}

static void check_print(enum envprint_format format, const char *value, const char *expected)
{
	char *text = printed(format, value);

	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(test_print)
{
	check_print(ENVPRINT_SH, "", "export X=''\n");
	check_print(ENVPRINT_SH, "a b$c\"\\`\n%", "export X='a b$c\"\\`\n%'\n");
	check_print(ENVPRINT_SH, "'it''s'", "export X=''\\''it'\\'''\\''s'\\'''\n");
	check_print(ENVPRINT_DOCKER, " a'b\"c#d\\ ", "X= a'b\"c#d\\ \n");
	check_print(ENVPRINT_SYSTEMD, "a b'c$", "Environment=\"X=a b'c$\"\n");
	check_print(ENVPRINT_SYSTEMD, "\"\\%\n\x7f\xc3\xa9",
		    "Environment=\"X=\\\"\\\\%%\\x0a\\x7f\xc3\xa9\"\n");
	check_print(
		ENVPRINT_KUBERNETES, "\"\\$\n\x7f\xc3\xa9\xc2\x80",
		"- name: X\n  value: \"\\\"\\\\$$\\U0000000a\\U0000007f\xc3\xa9\\U00000080\"\n");
}
END_TEST

START_TEST(test_settings)
{
	static const char *const there[] = {
		"cainfo = \"/x\"\n",	   "\tcainfo=x",	   "http.cainfo = 'x'",
		"http = { cainfo = 'x' }", "\"cainfo\" = 'x' # y", "cainfo x cainfo = 1",
	};
	static const char *const not_there[] = {
		"",
		"# cainfo = 'x'",
		"x = 1 # cainfo = 2",
		"; cainfo = x",
		"proxy-cainfo = 'x'",
		"cainfos = x",
		"cainfo",
		"[cainfo]",
		"x = 'cainfo'",
	};

	for (size_t i = 0; i < sizeof(there) / sizeof(*there); i++)
		ck_assert_msg(configured_line(there[i], "cainfo"), "%s", there[i]);
	for (size_t i = 0; i < sizeof(not_there) / sizeof(*not_there); i++)
		ck_assert_msg(!configured_line(not_there[i], "cainfo"), "%s", not_there[i]);
}
END_TEST

START_TEST(test_docker_lines)
{
	ck_assert(!envprint(stderr, ENVPRINT_DOCKER, "X", "a\nb"));
	ck_assert(!envprint(stderr, ENVPRINT_DOCKER, "X", "a\r"));
}
END_TEST

/* A manifest is UTF-8, and kubectl refuses all of one that is not. */
START_TEST(test_kubernetes_utf8)
{
	static const char *const wrong[] = {"a\xff", "\xc3", "\xe2\x82", "\xc0\x80",
					    "\xed\xa0\x80"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ck_assert(!envprint(stderr, ENVPRINT_KUBERNETES, "X", wrong[i]));
}
END_TEST

START_TEST(test_names)
{
	enum envprint_format format = ENVPRINT_SH;

	ck_assert(envprint_by_name("systemd", &format));
	ck_assert_int_eq(format, ENVPRINT_SYSTEMD);
	ck_assert(envprint_by_name("kubernetes", &format));
	ck_assert_int_eq(format, ENVPRINT_KUBERNETES);
	ck_assert(!envprint_by_name("", &format));
	ck_assert(!envprint_by_name("bash", &format));
	ck_assert(envprint_name_ok("A_b9=", 4));
	ck_assert(!envprint_name_ok("", 0));
	ck_assert(!envprint_name_ok("9A", 2));
	ck_assert(!envprint_name_ok("A-B", 3));
	ck_assert(!envprint_name_ok("A B", 3));
	ck_assert(!envprint_name_ok("A\0", 2));
}
END_TEST

#define STORE "javax.net.ssl.trustStore"

START_TEST(test_java_find)
{
	static const struct {
		const char *options, *value;
	} found[] = {
		{"-D" STORE "=/a", "/a"},
		{" -Xmx1m\t-D" STORE "=/a -x", "/a"},
		{"-D" STORE "=/a -D" STORE "=/b", "/b"},
		{"-D" STORE "='/a b'\"'\"c", "/a b'c"},
		{"\"-D" STORE "=/a b\"", "/a b"},
		{"-D" STORE "='/a b", "/a b"},
		{"-D" STORE "=", ""},
	};
	static const char *const without[] = {
		"",
		" ",
		"-D" STORE,
		"-D" STORE "Type=jks",
		"-D" STORE "Password=x",
		"D" STORE "=x",
		"-Dx=' -D" STORE "=/a'",
	};
	struct javaopts_place place;
	char value[PATH_MAX];

	for (size_t i = 0; i < sizeof(found) / sizeof(*found); i++) {
		ck_assert_msg(javaopts_find(found[i].options, STORE, value, &place), "%zu", i);
		ck_assert_str_eq(value, found[i].value);
	}
	for (size_t i = 0; i < sizeof(without) / sizeof(*without); i++)
		ck_assert_msg(!javaopts_find(without[i], STORE, value, &place), "%zu", i);
}
END_TEST

/* What is set is found again, and set again it is the same. */
static void check_set(const char *options, const char *value, const char *expected)
{
	struct javaopts_place place;
	char got[PATH_MAX], *set = javaopts_set(options, STORE, value, NULL), *again;

	ck_assert_ptr_nonnull(set);
	ck_assert_str_eq(set, expected);
	ck_assert(javaopts_find(set, STORE, got, &place));
	ck_assert_str_eq(got, value);
	again = javaopts_set(set, STORE, value, &place);
	ck_assert_ptr_nonnull(again);
	ck_assert_str_eq(again, expected);
	free(again);
	free(set);
}

START_TEST(test_java_set)
{
	char *set;
	struct javaopts_place place;
	char got[PATH_MAX];

	check_set("", "/a", "-D" STORE "=/a");
	check_set("-Xmx1m", "/a", "-Xmx1m -D" STORE "=/a");
	check_set("-Xmx1m  ", "/a", "-Xmx1m  -D" STORE "=/a");
	check_set("", "/a b'c\"d", "-D" STORE "=/a\" \"b\"'\"c'\"'d");
	ck_assert(javaopts_find("-a -D" STORE "='/x y' -b", STORE, got, &place));
	set = javaopts_set("-a -D" STORE "='/x y' -b", STORE, "/z", &place);
	ck_assert_ptr_nonnull(set);
	ck_assert_str_eq(set, "-a -D" STORE "=/z -b");
	free(set);
}
END_TEST

START_TEST(test_java_too_long)
{
	char options[PATH_MAX + 100], value[PATH_MAX];
	struct javaopts_place place;

	memset(options, 'x', sizeof(options));
	memcpy(options, "-D" STORE "=", strlen("-D" STORE "="));
	options[sizeof(options) - 1] = '\0';
	ck_assert(!javaopts_find(options, STORE, value, &place));
}
END_TEST

/* A trust store is a stranger's file: wherever it ends, that is an error and no more. */
START_TEST(test_store_cut_off)
{
	static const unsigned char jks[] =
		"\xfe\xed\xfe\xed\0\0\0\2\0\0\0\3"		  /* three entries */
		"\0\0\0\1\0\1k\0\0\0\0\0\0\0\0\0\0\0\2pq\0\0\0\1" /* a key */
		"\0\5X.509\0\0\0\2\x30\0"			  /* its chain */
		"\0\0\0\2\0\1c\0\0\0\0\0\0\0\0\0\5X.509\0\0\0\2\x30\0"
		"\0\0\0\2\0\1c\0\0\0\0\0\0\0\0\0\5X.509\xff\xff\xff\xff\x30\0";

	for (size_t len = 0; len < sizeof(jks); len++) {
		unsigned char *copy = malloc(len + 1);
		struct reason why = {""};

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, jks, len);
		ck_assert_ptr_null(storefile_parse(copy, len, NULL, &why));
		ck_assert_str_ne(why.text, "");
		free(copy);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("env");
	TCase *cases = tcase_create("env");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(cases, test_settings);
	tcase_add_test(cases, test_print);
	tcase_add_test(cases, test_docker_lines);
	tcase_add_test(cases, test_kubernetes_utf8);
	tcase_add_test(cases, test_names);
	tcase_add_test(cases, test_java_find);
	tcase_add_test(cases, test_java_set);
	tcase_add_test(cases, test_java_too_long);
	tcase_add_test(cases, test_store_cut_off);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
