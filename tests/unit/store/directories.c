/* SPDX-License-Identifier: Apache-2.0 */
/* The list of trust directories. */
#include "store/trusted.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(test_paths)
{
	struct trustdir_sources s = {.dirs = ":/a::b:", .home = "/home/u"};
	char path[PATH_MAX];

	ck_assert(trusted_path(&s, 0, path));
	ck_assert_str_eq(path, "/a");
	ck_assert(trusted_path(&s, 1, path));
	ck_assert_str_eq(path, "b");
	ck_assert(!trusted_path(&s, 2, path));
	s.dirs = "";
	ck_assert(trusted_path(&s, 0, path));
	ck_assert_str_eq(path, TRUSTDIR_SYSTEM);
	ck_assert(trusted_path(&s, 1, path));
	ck_assert_str_eq(path, "/home/u/.config/" TRUSTDIR_USER);
	ck_assert(!trusted_path(&s, 2, path));
	s.home = NULL;
	ck_assert(!trusted_path(&s, 1, path));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("directories");
	TCase *tests = tcase_create("directories");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, test_paths);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
