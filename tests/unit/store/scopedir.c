/* SPDX-License-Identifier: Apache-2.0 */
/* Which subdirectory a scope is, and whom it covers. */
#include "store/scopedir.h"

#include <check.h>
#include <stdlib.h>

static const struct {
	const char *text, *name, *inside, *outside;
} good[] = {
	{"corp.example", "corp.example", "a.corp.example", "xcorp.example"},
	{"Corp.Example.", "corp.example", "corp.example", "example"},
	{"127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.2"},
	{"10.0.0.0/8", "10.0.0.0_8", "10.255.0.1", "11.0.0.0"},
	{"128.0.0.0/8", "128.0.0.0_8", "128.0.2.1", "::1"},
	{"::1", "__1_128", "::1", "::2"},
	{"2001:db8::/32", "2001_db8___32", "2001:db8:1::5", "2001:db9::"},
	{"127.0.0.1", "127.0.0.1", "127.0.0.1", "localhost"},
	{"localhost", "localhost", "localhost", "127.0.0.1"},
};

START_TEST(test_good)
{
	char name[SCOPEDIR_NAME];
	struct target t;

	ck_assert_ptr_null(scopedir_parse(good[_i].text, name));
	ck_assert_str_eq(name, good[_i].name);
	ck_assert_ptr_null(target_parse_name(good[_i].inside, &t));
	ck_assert(scopedir_covers(name, &t));
	ck_assert_ptr_null(target_parse_name(good[_i].outside, &t));
	ck_assert(!scopedir_covers(name, &t));
}
END_TEST

static const char *const bad[] = {
	"",	      "..",	   "../x",	  "a/b",	  ".",		"/etc",
	"a_b",	      "-a",	   "a-.example",  "a.-b",	  "10.1.0.0/8", "10.0.0.0/33",
	"10.0.0/8",   "10.0.0.0/", "10.0.0.0/x",  "10.0.0.0/8/8", "::1/129",	"fe80::1%eth0",
	"a b",	      "a\n",	   "10.0.0.0/-1", "::/0000",	  "0.0.0.0/0",	"::/0",
	"10.0.0.0/7",
};

START_TEST(test_bad)
{
	char name[SCOPEDIR_NAME];

	ck_assert_msg(scopedir_parse(bad[_i], name) != NULL, "%s", bad[_i]);
}
END_TEST

static const struct {
	const char *text, *meant;
} near[] = {
	{"*.corp.example", "corp.example"},
	{"10.0.0.1/8", "10.0.0.0/8"},
	{"10.9.255.255/15", "10.8.0.0/15"},
	{"2001:db8::1/32", "2001:db8::/32"},
	{"*.a_b", NULL},
	{"*.*.corp.example", NULL},
	{"10.0.0.0/7", NULL},
	{"corp example", NULL},
};

START_TEST(test_meant)
{
	char name[SCOPEDIR_NAME], meant[SCOPEDIR_NAME];

	ck_assert_ptr_nonnull(scopedir_parse(near[_i].text, name));
	ck_assert_int_eq(scopedir_meant(near[_i].text, meant), near[_i].meant != NULL);
	if (near[_i].meant == NULL)
		return;
	ck_assert_str_eq(meant, near[_i].meant);
	ck_assert_ptr_null(scopedir_parse(meant, name));
}
END_TEST

START_TEST(test_host)
{
	char name[SCOPEDIR_NAME];
	struct target t;

	ck_assert_ptr_null(target_parse("[2001:db8::1]:5", &t));
	ck_assert_ptr_null(scopedir_for_host(&t, name));
	ck_assert_str_eq(name, "2001_db8__1_128");
	ck_assert(scopedir_covers(name, &t));
	ck_assert_ptr_null(target_parse("[fe80::1%eth0]:5", &t));
	ck_assert_ptr_nonnull(scopedir_for_host(&t, name));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scopedir");
	TCase *tests = tcase_create("scopedir");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tests, test_good, 0, sizeof(good) / sizeof(*good));
	tcase_add_loop_test(tests, test_bad, 0, sizeof(bad) / sizeof(*bad));
	tcase_add_loop_test(tests, test_meant, 0, sizeof(near) / sizeof(*near));
	tcase_add_test(tests, test_host);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
