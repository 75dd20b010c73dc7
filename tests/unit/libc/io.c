/* SPDX-License-Identifier: Apache-2.0 */
#include "libc/io.h"
#include "allocation.h"
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *dir;

static void set_up(void)
{
	dir = fixture_dir();
}

static void tear_down(void)
{
	fixture_remove(dir);
}

/* Reads a file of len bytes, of which stat() would say that they are expected; most: the limit. */
static int read_back(size_t len, size_t expected, size_t most)
{
	char *written = malloc(len + 1);
	unsigned char *data = NULL;
	size_t got = 0;
	int fd, error;

	ck_assert_ptr_nonnull(written);
	for (size_t i = 0; i < len; i++)
		written[i] = (char)(i * 7 + i / 251);
	fixture_file(dir, "file", written, len);
	fd = open(fixture_path(dir, "file"), O_RDONLY);
	ck_assert_int_ge(fd, 0);
	error = io_read_file(fd, expected, most, &data, &got);
	if (error == 0) {
		ck_assert_uint_eq(got, len);
		ck_assert_int_eq(memcmp(data, written, len), 0);
		free(data);
	}
	close(fd);
	free(written);
	return error;
}

/* Some file systems say 0, and a file may grow or shrink after stat(). */
START_TEST(size_is_not_what_was_expected)
{
	static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 10000, 100000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (size_t j = 0; j < sizeof(sizes) / sizeof(*sizes); j++)
			ck_assert_int_eq(read_back(sizes[i], sizes[j], 100000), 0);
}
END_TEST

START_TEST(limit)
{
	ck_assert_int_eq(read_back(5000, 5000, 5000), 0);
	ck_assert_int_eq(read_back(5001, 5001, 5000), -EFBIG);
	ck_assert_int_eq(read_back(5001, 0, 5000), -EFBIG);
	ck_assert_int_eq(read_back(100000, 10, 5000), -EFBIG);
}
END_TEST

/* Each allocation fails once, until none is left. */
START_TEST(no_memory)
{
	size_t failed = 0;

	for (size_t at = 1;; at++) {
		unsigned char *data = NULL;
		size_t len = 0;
		int fd, error;

		fixture_file(dir, "file", "some text", 9);
		fd = open(fixture_path(dir, "file"), O_RDONLY);
		allocation_to_fail = at;
		error = io_read_file(fd, 0, 100, &data, &len);
		allocation_to_fail = 0;
		close(fd);
		if (error == 0) {
			free(data);
			break;
		}
		ck_assert_int_eq(error, -ENOMEM);
		failed++;
	}
	ck_assert_uint_eq(failed, 2);
}
END_TEST

START_TEST(a_write_to_nobody_raises_no_signal)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	close(fds[0]);
	signal(SIGPIPE, SIG_DFL);
	ck_assert(!io_write_quietly(fds[1], false, "text", 4));
	ck_assert_int_eq(errno, EPIPE);
	close(fds[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("io");
	TCase *tc = tcase_create("io");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, size_is_not_what_was_expected);
	tcase_add_test(tc, limit);
	tcase_add_test(tc, no_memory);
	tcase_add_test(tc, a_write_to_nobody_raises_no_signal);
	suite_add_tcase(suite, tc);
	return fixture_run(suite);
}
