/* SPDX-License-Identifier: Apache-2.0 */
#include "mount/covered.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/catrust-covered-XXXXXX";
static struct covered found;

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	unsetenv("VIRTUAL_ENV");
	unsetenv("CONDA_PREFIX");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void teardown(void)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* One bundle of a Python in the folder. */
static void make_bundle(size_t number)
{
	static const char *const below[] = {"", "/site-packages", "/site-packages/certifi"};
	char path[PATH_MAX];
	FILE *file;

	for (size_t i = 0; i < sizeof(below) / sizeof(*below); i++) {
		snprintf(path, sizeof(path), "%s/lib/python3.%zu%s", folder, number, below[i]);
		ck_assert_int_eq(0, mkdir(path, 0700));
	}
	snprintf(path, sizeof(path), "%s/lib/python3.%zu/site-packages/certifi/cacert.pem", folder,
		 number);
	file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	fclose(file);
}

/* As many as there is room for are not too many because one of them is found twice. */
START_TEST(full_with_duplicates)
{
	char lib[PATH_MAX];
	size_t count;

	/* What this machine has comes first, and is found again in the end. */
	covered_find(&found, true, "/usr/bin/command");
	count = found.count;
	ck_assert_uint_lt(count, COVERED_MAX);
	snprintf(lib, sizeof(lib), "%s/lib", folder);
	ck_assert_int_eq(0, mkdir(lib, 0700));
	for (size_t i = count; i < COVERED_MAX; i++)
		make_bundle(i);
	setenv("VIRTUAL_ENV", folder, 1);
	setenv("CONDA_PREFIX", folder, 1);
	covered_find(&found, true, "/usr/bin/command");
	ck_assert_uint_eq(COVERED_MAX, found.count);
	ck_assert(!found.is_full);
	make_bundle(COVERED_MAX);
	covered_find(&found, true, "/usr/bin/command");
	ck_assert_uint_eq(COVERED_MAX, found.count);
	ck_assert(found.is_full);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("covered");
	TCase *tests = tcase_create("covered");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_unchecked_fixture(tests, setup, teardown);
	tcase_add_test(tests, full_with_duplicates);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
