/* SPDX-License-Identifier: Apache-2.0 */
/* Editions of the trust directories: when they are looked at, and what that costs. */
#include "process/edition.h"

#include "allocation.h"
#include "fixture.h"
#include "process/config.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char *dir;

/*
 * Time as the test has it, in ms, for what waits: a look takes what it takes. looking_takes: more
 * than that, of the core or of the thread.
 */
static long passed;
static long looking_takes_cpu, looking_takes;
static unsigned looks;

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
bool __real_trustdir_changed(const struct anchors *anchors);
bool __wrap_trustdir_changed(const struct anchors *anchors);

static void add_ms(struct timespec *to, long ms)
{
	to->tv_nsec += ms % 1000 * 1000000;
	to->tv_sec += ms / 1000 + to->tv_nsec / 1000000000;
	to->tv_nsec %= 1000000000;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	int ret = __real_clock_gettime(clock, now);

	if (clock == CLOCK_MONOTONIC_COARSE) {
		*now = (struct timespec){.tv_sec = 1000};
		add_ms(now, passed);
	} else if (clock == CLOCK_THREAD_CPUTIME_ID) {
		add_ms(now, looks * looking_takes_cpu);
	} else if (clock == CLOCK_MONOTONIC) {
		add_ms(now, looks * looking_takes);
	} else {
		add_ms(now, passed);
	}
	return ret;
}

bool __wrap_trustdir_changed(const struct anchors *anchors)
{
	looks++;
	return __real_trustdir_changed(anchors);
}

static const char *path(const char *name)
{
	return fixture_path(dir, name);
}

static void write_der(const char *name, unsigned id)
{
	fixture_cert(dir, name, id);
}

static size_t count(void)
{
	const struct edition *e = edition_enter();
	size_t n = e == NULL ? 0 : e->anchors->count;

	edition_leave();
	return n;
}

static uint64_t generation(void)
{
	const struct edition *e = edition_enter();
	uint64_t n = e == NULL ? 0 : e->generation;

	edition_leave();
	return n;
}

/* After so many ms, with all that was done before older than a tick. */
static void refresh_after(long ms)
{
	passed += ms;
	edition_refresh();
}

/* How long after a look the next one comes, in ms. */
static long wait_for_look(void)
{
	unsigned before = looks;
	long from = passed;

	while (looks == before && passed - from < 100000)
		refresh_after(10);
	return passed - from;
}

static char dirs[PATH_MAX];

static void set_up(void)
{
	dir = fixture_dir();
	snprintf(dirs, sizeof(dirs), "%s/ca.d", dir);
	ck_assert_int_eq(mkdir(dirs, 0755), 0);
	write_der("ca.d/a.pem", 1);
	config = (struct config){.active = true, .log_level = LOG_OFF, .sources = {.dirs = dirs}};
	passed = 10000;
	edition_refresh();
	ck_assert_uint_eq(count(), 1);
	ck_assert_uint_eq(generation(), 1);
}

static void tear_down(void)
{
	fixture_remove(dir);
}

START_TEST(a_look_in_800_ms)
{
	refresh_after(10000);
	ck_assert_int_eq(wait_for_look(), 800);
	write_der("ca.d/b.pem", 2);
	refresh_after(700);
	ck_assert_uint_eq(count(), 1);
	refresh_after(200);
	ck_assert_uint_eq(count(), 2);
	ck_assert_uint_eq(generation(), 2);
	/* What is touched is read again, and is no other generation. */
	write_der("ca.d/b.pem", 2);
	refresh_after(1000);
	ck_assert_uint_eq(generation(), 2);
}
END_TEST

START_TEST(a_look_that_takes_long_comes_less_often)
{
	static const struct {
		long cpu, time, wait;
	} cases[] = {
		{1, 1, 800}, {44, 44, 4400}, {7, 7, 800}, {0, 3000, 30000}, {900, 900, 60000},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		long wait;

		looking_takes_cpu = cases[i].cpu;
		looking_takes = cases[i].time;
		refresh_after(100000);
		wait = wait_for_look();
		/* The real look takes something, too. */
		ck_assert_int_ge(wait, cases[i].wait);
		ck_assert_int_le(wait, cases[i].wait + 500);
	}
}
END_TEST

static double cpu_ms(void)
{
	struct timespec now;

	__real_clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* The time of the processor for three minutes of looks, in which nothing changes. */
START_TEST(ten_thousand_files_cost_one_per_cent)
{
	enum { FILES = 10000, SCOPES = 500, MINUTES = 3 };
	double start, cost;
	char name[64];

	for (unsigned i = 0; i < (_i == 0 ? FILES : SCOPES); i++) {
		snprintf(name, sizeof(name), "ca.d/s%05u.example", i);
		if (_i == 1)
			ck_assert_int_eq(mkdir(path(name), 0755), 0);
		snprintf(name, sizeof(name), _i == 1 ? "ca.d/s%05u.example/a.pem" : "ca.d/%05u.pem",
			 i);
		write_der(name, i);
	}
	/* Read, and settled. */
	for (int i = 0; i < 4; i++)
		refresh_after(60000);
	looks = 0;
	start = cpu_ms();
	for (long i = 0; i < MINUTES * 60 * 10; i++)
		refresh_after(100);
	cost = (cpu_ms() - start) / (MINUTES * 60 * 1000);
	printf("%u looks in %d minutes, %.3f %% of a core\n", looks, MINUTES, cost * 100);
	ck_assert_uint_gt(looks, MINUTES - 1);
	ck_assert(cost < 0.012);
}
END_TEST

START_TEST(what_could_not_be_read_is_looked_at_soon)
{
	refresh_after(1000);
	write_der("ca.d/b.pem", 2);
	allocation_to_fail = 4;
	refresh_after(1000);
	ck_assert_uint_eq(allocation_to_fail, 0);
	ck_assert_uint_ge(count(), 1);
	for (int i = 0; i < 10; i++)
		refresh_after(100);
	ck_assert_uint_eq(count(), 2);
}
END_TEST

/* Each allocation of a look that has something to read fails once. */
START_TEST(failed_malloc_loses_nothing)
{
	bool over = false;
	size_t at = 1;

	for (; !over; at++) {
		write_der("ca.d/a.pem", 1);
		fixture_file(dir, "ca.d/junk.pem", "junk", 4);
		allocation_to_fail = at;
		refresh_after(1000);
		over = allocation_to_fail > 0;
		allocation_to_fail = 0;
		ck_assert_msg(count() == 1 && generation() == 1, "%zu", at);
		refresh_after(1000);
		ck_assert_msg(count() == 1 && generation() == 1, "%zu", at);
	}
	ck_assert_uint_gt(at, 15);
}
END_TEST

static size_t allocated(void)
{
	return mallinfo2().uordblks;
}

START_TEST(memory_of_three_thousand_changes)
{
	size_t after_300 = 0;

	for (unsigned i = 1; i <= 3000; i++) {
		write_der("ca.d/a.pem", i);
		if (i % 3 == 0)
			write_der("ca.d/b.pem", i + 1);
		else
			unlink(path("ca.d/b.pem"));
		if (i % 5 == 0)
			rename(path("ca.d/a.pem"), path("ca.d/c.pem"));
		refresh_after(1000);
		ck_assert_uint_ge(count(), 1);
		if (i == 300)
			after_300 = allocated();
	}
	printf("after 300 changes %zu bytes, after 3,000 %zu\n", after_300, allocated());
	ck_assert_uint_gt(generation(), 1500);
	ck_assert_uint_le(allocated(), after_300 + 64 * 1024);
}
END_TEST

/* Nothing is read in another root directory, and what was read before counts. */
START_TEST(after_chroot)
{
	int status;
	pid_t child;

	if (geteuid() != 0)
		return;
	child = fork();
	if (child == 0) {
		bool right = chroot(dirs) == 0;

		for (int i = 0; i < 10; i++)
			refresh_after(1000);
		_exit(right && count() == 1 && generation() == 1 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

static unsigned lines_of(const char *name)
{
	FILE *file = fopen(path(name), "re");
	unsigned lines = 0;
	int c;

	while (file != NULL && (c = getc(file)) != EOF)
		lines += c == '\n';
	if (file != NULL)
		fclose(file);
	return lines;
}

/* Another user may change names in a shared directory all the time. */
START_TEST(changed_problems_are_told_once_a_minute)
{
	char log[PATH_MAX], name[32];
	long start;

	snprintf(log, sizeof(log), "%s/log", dir);
	config.log_file = log;
	config.log_level = LOG_ERROR;
	refresh_after(100000);
	ck_assert_uint_eq(lines_of("log"), 0);
	/* The first at once. */
	fixture_file(dir, "ca.d/junk0.pem", "junk", 4);
	refresh_after(1000);
	ck_assert_uint_eq(lines_of("log"), 1);
	start = passed;
	for (unsigned i = 0; passed - start < 10 * 60000 - 2000; i++) {
		char old[32];

		snprintf(old, sizeof(old), "ca.d/junk%u.pem", i);
		snprintf(name, sizeof(name), "ca.d/junk%u.pem", i + 1);
		ck_assert_int_eq(rename(path(old), path(name)), 0);
		refresh_after(1000);
	}
	ck_assert_uint_eq(lines_of("log"), 10);
	/* The last one, too, though nothing changes any more; and only once. */
	for (int i = 0; i < 200; i++)
		refresh_after(1000);
	ck_assert_uint_eq(lines_of("log"), 11);
	/* What went away and comes again is told again. */
	ck_assert_int_eq(unlink(path(name)), 0);
	refresh_after(1000);
	fixture_file(dir, name, "junk", 4);
	refresh_after(1000);
	ck_assert_uint_eq(lines_of("log"), 12);
}
END_TEST

static void *look_many_times(void *unused)
{
	for (int i = 0; i < 20000; i++) {
		__atomic_fetch_add(&passed, 1, __ATOMIC_RELAXED);
		edition_refresh();
		ck_assert_uint_ge(count(), 1);
	}
	return unused;
}

/* Of the children of threads that look, none waits for a thread that it does not have. */
START_TEST(children_of_threads_that_look)
{
	pthread_t thread[3];

	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, look_many_times, NULL), 0);
	for (unsigned i = 0; i < 100; i++) {
		pid_t child;
		int status;

		write_der("ca.d/b.pem", i + 100);
		child = fork();
		if (child == 0) {
			long start = passed;

			alarm(30);
			write_der("ca.d/b.pem", 5000);
			while (passed - start < 2000) {
				const struct edition *e;
				bool found = false;

				refresh_after(50);
				e = edition_enter();
				for (size_t k = 0; k < e->anchors->count; k++)
					found = found ||
						(e->anchors->anchor[k].der[9] == 5000 >> 8 &&
						 e->anchors->anchor[k].der[10] == (5000 & 255));
				edition_leave();
				if (found)
					_exit(0);
			}
			_exit(1);
		}
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert_int_eq(status, 0);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
}
END_TEST

static bool looked;

/* Whose cancellation waits for the first call that ends a thread. */
static void *look_when_cancelled(void *unused)
{
	pthread_cancel(pthread_self());
	refresh_after(1000);
	looked = true;
	pthread_testcancel();
	return unused;
}

static int next_descriptor(void)
{
	int fd = dup(STDIN_FILENO);

	close(fd);
	return fd;
}

/* A look that has been begun comes to its end, and leaves nothing behind. */
START_TEST(a_cancelled_thread_ends_its_look)
{
	int descriptor = next_descriptor();
	size_t before = 0;
	char log[PATH_MAX];

	snprintf(log, sizeof(log), "%s/log", dir);
	config.log_file = log;
	config.log_level = LOG_ERROR;
	for (unsigned i = 0; i < 200; i++) {
		pthread_t thread;
		void *ret;

		write_der("ca.d/b.pem", i + 2);
		if (i == 0)
			fixture_file(dir, "ca.d/junk.pem", "junk", 4);
		looked = false;
		ck_assert_int_eq(pthread_create(&thread, NULL, look_when_cancelled, NULL), 0);
		ck_assert_int_eq(pthread_join(thread, &ret), 0);
		ck_assert_ptr_eq(ret, PTHREAD_CANCELED);
		ck_assert(looked);
		ck_assert_uint_eq(count(), 2);
		ck_assert_uint_eq(generation(), i + 2);
		if (i == 20)
			before = allocated();
	}
	ck_assert_uint_eq(lines_of("log"), 1);
	ck_assert_int_eq(next_descriptor(), descriptor);
	ck_assert_uint_le(allocated(), before + 16 * 1024);
	ck_assert_int_eq(wait_for_look(), 800);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edition");
	TCase *tc = tcase_create("edition"), *slow = fixture_slow(suite);

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_checked_fixture(slow, set_up, tear_down);
	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, a_look_in_800_ms);
	tcase_add_test(tc, a_look_that_takes_long_comes_less_often);
	tcase_add_test(tc, what_could_not_be_read_is_looked_at_soon);
	tcase_add_test(tc, failed_malloc_loses_nothing);
	tcase_add_test(tc, after_chroot);
	tcase_add_test(tc, changed_problems_are_told_once_a_minute);
	tcase_add_test(tc, a_cancelled_thread_ends_its_look);
	/* The allocator of AddressSanitizer hangs in such children by itself. */
#ifndef CATRUST_SANITIZE
	tcase_add_test(tc, children_of_threads_that_look);
#else
	(void)children_of_threads_that_look;
#endif
	tcase_add_loop_test(slow, ten_thousand_files_cost_one_per_cent, 0, 2);
	tcase_add_test(slow, memory_of_three_thousand_changes);
	suite_add_tcase(suite, tc);
	return fixture_run(suite);
}
