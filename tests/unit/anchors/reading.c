/* SPDX-License-Identifier: Apache-2.0 */
/* trustdir_read(): what can't be read for now, or moves while it is read, is not lost. */
#include "anchors/trustdir.h"

#include "allocation.h"
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

static char *dir;
static struct anchors *anchors;

/* What fails, with which errno; NULL: all of that kind. */
static enum call { NOTHING, OPEN, READDIR, READ, STAT } failing;
static int failing_with;
static const char *failing_name;

/* Called before an entry is opened. */
static void (*before_open)(const char *name);
static unsigned opened;

/* A path that may not be looked at, and how much later it is, in seconds since the start. */
static const char *out_of_reach;
static long ahead;

static bool fails(enum call call, const char *name)
{
	if (failing != call)
		return false;
	/* The end of a path, from a slash on. */
	if (failing_name != NULL && name != NULL) {
		size_t len = strlen(name), end = strlen(failing_name);

		if (len < end || strcmp(name + len - end, failing_name) != 0 ||
		    (len > end && name[len - end - 1] != '/'))
			return false;
	}
	errno = failing_with;
	return true;
}

int __real_openat(int at, const char *name, int flags);
int __real_open(const char *name, int flags);
struct dirent *__real_readdir(DIR *stream);
ssize_t __real_read(int fd, void *buf, size_t len);
long __real_syscall(long number, ...);

int __wrap_openat(int at, const char *name, int flags);
int __wrap_open(const char *name, int flags);
struct dirent *__wrap_readdir(DIR *stream);
ssize_t __wrap_read(int fd, void *buf, size_t len);
long __wrap_syscall(long number, ...);
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_openat(int at, const char *name, int flags)
{
	opened++;
	if (before_open != NULL)
		before_open(name);
	return fails(OPEN, name) ? -1 : __real_openat(at, name, flags);
}

int __wrap_open(const char *name, int flags)
{
	return fails(OPEN, name) ? -1 : __real_open(name, flags);
}

struct dirent *__wrap_readdir(DIR *stream)
{
	return fails(READDIR, NULL) ? NULL : __real_readdir(stream);
}

ssize_t __wrap_read(int fd, void *buf, size_t len)
{
	return fails(READ, NULL) ? -1 : __real_read(fd, buf, len);
}

/* All that is called so is stat: of a descriptor, which has not failed yet, or a name. */
long __wrap_syscall(long number, ...)
{
	va_list arguments;
	long one, three;
	void *two, *four;

	va_start(arguments, number);
	one = va_arg(arguments, long);
	two = va_arg(arguments, void *);
	if (number == SYS_fstat) {
		va_end(arguments);
		return __real_syscall(number, one, two);
	}
	four = va_arg(arguments, void *);
	three = va_arg(arguments, int);
	va_end(arguments);
	if (out_of_reach != NULL && strcmp(two, out_of_reach) == 0) {
		errno = EACCES;
		return -1;
	}
	if (strcmp(two, "/") != 0 && fails(STAT, two))
		return -1;
	return __real_syscall(number, one, two, four, three);
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	int ret = __real_clock_gettime(clock, now);

	if (clock == CLOCK_MONOTONIC)
		now->tv_sec += ahead;
	return ret;
}

static const char *path(const char *name)
{
	return fixture_path(dir, name);
}

static void write_der(const char *name, unsigned id)
{
	fixture_cert(dir, name, id);
}

/* More than a tick: what was done before it is over. */
static void tick(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
}

/* Are these, the certificates' numbers in any order, what is trusted? */
static bool trusts(const char *ids)
{
	char found[64] = "";

	for (unsigned id = 1; id < 10; id++)
		for (size_t i = 0; i < anchors->count; i++)
			if (anchors->anchor[i].der[TINY_CERT - 1] == id)
				snprintf(found + strlen(found), 8, "%u ", id);
	return strcmp(found, ids) == 0;
}

static const char *domain_of(unsigned id)
{
	for (size_t i = 0; i < anchors->count; i++)
		if (anchors->anchor[i].der[TINY_CERT - 1] == id)
			return anchors->anchor[i].scopes == NULL
				       ? ""
				       : anchors->anchor[i].scopes->scope.domain;
	return NULL;
}

static int look_at(const char *dirs)
{
	char copy[PATH_MAX];
	const struct trustdir_sources sources = {.dirs = copy};
	struct anchors *now = NULL;
	int error;

	snprintf(copy, sizeof(copy), "%s", dirs);
	error = trustdir_read(&sources, anchors, &now);

	if (error == 0) {
		trustdir_free(anchors);
		anchors = now;
	}
	return error;
}

static void look(void)
{
	ck_assert_int_eq(look_at(path("ca.d")), 0);
}

/* The only problem of that level, from the name of the directory on; "" if there is none. */
static const char *problem(enum trustdir_level level)
{
	const char *found = "";

	for (size_t i = 0; i < anchors->problem_count; i++)
		if (anchors->problem[i].level == level) {
			ck_assert_str_eq(found, "");
			found = strstr(anchors->problem[i].text, "ca.d");
		}
	return found;
}

static void set_up(void)
{
	dir = fixture_dir();
	ck_assert_int_eq(mkdir(path("ca.d"), 0755), 0);
	ck_assert_int_eq(mkdir(path("ca.d/corp.example"), 0755), 0);
	write_der("ca.d/a.pem", 1);
	write_der("ca.d/b.pem", 2);
	write_der("ca.d/corp.example/c.pem", 3);
	tick();
	look();
	ck_assert(trusts("1 2 3 "));
	ck_assert(!anchors->unsteady);
	ck_assert_str_eq(domain_of(3), "corp.example");
}

static void tear_down(void)
{
	failing = NOTHING;
	failing_name = NULL;
	before_open = NULL;
	ahead = 0;
	out_of_reach = NULL;
	trustdir_free(anchors);
	anchors = NULL;
	fixture_remove(dir);
}

static const int passing[] = {EMFILE, ENFILE, ENOMEM, EIO, ESTALE, EPERM};

static const struct {
	enum call call;
	const char *name;
} places[] = {
	{OPEN, NULL},	 {OPEN, "ca.d"}, {OPEN, "a.pem"}, {OPEN, "corp.example"},
	{READDIR, NULL}, {READ, NULL},	 {STAT, NULL},	  {STAT, "a.pem"},
};

START_TEST(passing_failure_loses_nothing)
{
	failing_with = passing[(size_t)_i % LENGTH(passing)];
	failing = places[(size_t)_i / LENGTH(passing)].call;
	failing_name = places[(size_t)_i / LENGTH(passing)].name;
	/* The directory is read again, and so are the files, which are as fresh as it. */
	for (int i = 0; i < 40; i++) {
		look();
		ck_assert(trusts("1 2 3 "));
		ck_assert_str_eq(domain_of(3), "corp.example");
		ck_assert(anchors->unsteady);
		ck_assert_str_eq(problem(TRUSTDIR_ERROR), "");
	}
	/* What can be seen counts meanwhile. */
	if (failing == OPEN && failing_name != NULL && strcmp(failing_name, "a.pem") == 0) {
		ck_assert_int_eq(unlink(path("ca.d/b.pem")), 0);
		tick();
		look();
		ck_assert(trusts("1 3 "));
		write_der("ca.d/b.pem", 2);
	}
	failing = NOTHING;
	tick();
	look();
	ck_assert(trusts("1 2 3 "));
	ck_assert(!anchors->unsteady);
	ck_assert_uint_eq(anchors->problem_count, 0);
}
END_TEST

/* Found by tests/soak: without descriptors, a new name can't be opened, and the old one is gone. */
START_TEST(passing_failure_after_a_rename_loses_nothing)
{
	ck_assert_int_eq(rename(path("ca.d/a.pem"), path("ca.d/z.pem")), 0);
	tick();
	failing_with = passing[_i];
	failing = OPEN;
	failing_name = "z.pem";
	for (int i = 0; i < 10; i++) {
		look();
		ck_assert(trusts("1 2 3 "));
		ck_assert(anchors->unsteady);
	}
	failing = NOTHING;
	look();
	ck_assert(trusts("1 2 3 "));
	ck_assert(!anchors->unsteady);
	ck_assert_int_eq(unlink(path("ca.d/z.pem")), 0);
	tick();
	look();
	ck_assert(trusts("2 3 "));
}
END_TEST

START_TEST(passing_failure_of_a_look_is_no_change)
{
	failing_with = EIO;
	failing = STAT;
	trustdir_free(anchors);
	anchors = NULL;
	failing = NOTHING;
	tick();
	look();
	/* As what was written more than two seconds ago is. */
	ck_assert(!anchors->unsteady);
}
END_TEST

START_TEST(passing_failure_of_the_first_reading)
{
	trustdir_free(anchors);
	anchors = NULL;
	failing_with = EMFILE;
	failing = OPEN;
	look();
	ck_assert_uint_eq(anchors->count, 0);
	ck_assert(anchors->unsteady);
	ck_assert_str_eq(problem(TRUSTDIR_ERROR), "ca.d: too many open files");
	ck_assert(trustdir_changed(anchors));
	failing = NOTHING;
	look();
	ck_assert(trusts("1 2 3 "));
}
END_TEST

/* A service that has dropped root, whose directory is root's alone. */
START_TEST(what_may_not_be_read_any_more_goes)
{
	static const char lost[] = ": permission denied, so its certificates are no longer "
				   "trusted: let the user that the program runs as read "
				   "it";
	static const struct {
		const char *name, *trusted, *line;
	} cases[] = {
		{"ca.d", "", "ca.d"},
		{"a.pem", "2 3 ", "ca.d/a.pem"},
		{"corp.example", "1 2 ", "ca.d/corp.example"},
	};
	char line[256];

	snprintf(line, sizeof(line), "%s%s", cases[_i].line, lost);
	failing_with = EACCES;
	failing = OPEN;
	failing_name = cases[_i].name;
	/* Once and for all: the same line, which is told once. */
	for (int i = 0; i < 3; i++) {
		look();
		ck_assert(trusts(cases[_i].trusted));
		ck_assert_str_eq(problem(TRUSTDIR_ERROR), line);
		ck_assert(!anchors->unsteady);
	}
	failing = NOTHING;
	look();
	ck_assert(trusts("1 2 3 "));
	ck_assert_uint_eq(anchors->problem_count, 0);
}
END_TEST

START_TEST(what_may_not_be_looked_at_any_more_has_changed)
{
	failing_with = EACCES;
	failing = STAT;
	ck_assert(trustdir_changed(anchors));
}
END_TEST

/* A default directory that could never be read is none of the user's. */
START_TEST(what_could_never_be_read)
{
	struct trustdir_sources sources = {.home = dir};

	ck_assert_int_eq(mkdir(path(".config"), 0755), 0);
	ck_assert_int_eq(mkdir(path(".config/catrust"), 0755), 0);
	ck_assert_int_eq(rename(path("ca.d"), path(".config/catrust/ca.d")), 0);
	trustdir_free(anchors);
	anchors = NULL;
	failing_with = EACCES;
	failing = OPEN;
	failing_name = ".config/catrust/ca.d";
	for (int i = 0; i < 2; i++) {
		struct anchors *before = anchors;

		ck_assert_int_eq(trustdir_read(&sources, before, &anchors), 0);
		trustdir_free(before);
		ck_assert_str_eq(problem(TRUSTDIR_ERROR), "");
	}
	failing = NOTHING;
}
END_TEST

/* Each allocation of a reading fails once: it says so, or nothing is lost by it. */
START_TEST(failed_malloc_loses_nothing)
{
	bool first = _i == 1;
	size_t failures = 0;

	for (size_t at = 1;; at++) {
		int error;

		/* With something to read. */
		write_der("ca.d/b.pem", 2);
		fixture_file(dir, "ca.d/junk.pem", "junk", 4);
		if (first) {
			trustdir_free(anchors);
			anchors = NULL;
		}
		allocation_to_fail = at;
		error = look_at(path("ca.d"));
		if (allocation_to_fail > 0) {
			allocation_to_fail = 0;
			break;
		}
		failures++;
		ck_assert(error == 0 || error == -ENOMEM);
		if (error == 0 || !first)
			ck_assert_msg(trusts("1 2 3 ") || (first && anchors->unsteady), "%zu", at);
		look();
		ck_assert_msg(trusts("1 2 3 "), "%zu", at);
	}
	ck_assert_uint_gt(failures, 20);
}
END_TEST

/*
 * One that is renamed again and again, between names in front of and behind the others: before one
 * open in every, at random.
 */
static unsigned renamed, every;

static void rename_one(const char *name)
{
	static const char *const names[] = {"ca.d/0.pem", "ca.d/zz.pem"};
	static unsigned random = 1;

	(void)name;
	random = random * 1103515245 + 12345;
	if ((random >> 16) % every == 0 &&
	    rename(path(names[renamed % 2]), path(names[(renamed + 1) % 2])) == 0)
		renamed++;
}

START_TEST(rename_while_it_is_read)
{
	write_der("ca.d/0.pem", 4);
	tick();
	look();
	every = 2;
	for (unsigned i = 0; i < 500; i++) {
		before_open = rename_one;
		/* Or nothing has to be opened. */
		write_der("ca.d/b.pem", 2);
		look();
		before_open = NULL;
		ck_assert_msg(trusts("1 2 3 4 "), "look %u, %u renames", i, renamed);
	}
	ck_assert_uint_gt(renamed, 100);
	/* At last, when it is gone, it counts no more. */
	unlink(path("ca.d/0.pem"));
	unlink(path("ca.d/zz.pem"));
	tick();
	look();
	ck_assert(trusts("1 2 3 "));
}
END_TEST

/* All the time in motion: what is gone goes on to count for some looks, not for ever. */
static void stir(const char *name)
{
	(void)name;
	write_der("ca.d/.new", 9);
	ck_assert_int_eq(rename(path("ca.d/.new"), path("ca.d/b.pem")), 0);
}

START_TEST(removed_from_a_directory_in_motion)
{
	unsigned looks = 0;

	ck_assert_int_eq(unlink(path("ca.d/a.pem")), 0);
	before_open = stir;
	do {
		look();
		looks++;
	} while (trusts("1 2 3 9 ") && looks < 100);
	ck_assert(anchors->moved);
	ck_assert_uint_eq(looks, 17);
	ck_assert(trusts("3 9 "));
}
END_TEST

/* A passing failure of its directory does not make what was removed count for ever. */
START_TEST(removed_from_a_directory_that_cannot_be_read_for_now)
{
	unsigned looks = 0;

	failing_with = EMFILE;
	failing = OPEN;
	failing_name = "ca.d";
	ck_assert_int_eq(unlink(path("ca.d/a.pem")), 0);
	do {
		look();
		looks++;
	} while (trusts("1 2 3 ") && looks < 100);
	ck_assert_uint_eq(looks, 17);
	ck_assert(trusts("2 3 "));
}
END_TEST

/* Looks come only when somebody verifies, which may be seldom. */
START_TEST(missed_for_a_minute)
{
	failing_with = EMFILE;
	failing = OPEN;
	failing_name = "ca.d";
	ck_assert_int_eq(unlink(path("ca.d/a.pem")), 0);
	look();
	ahead = 59;
	look();
	ck_assert(trusts("1 2 3 "));
	ahead = 61;
	look();
	ck_assert(trusts("2 3 "));
}
END_TEST

START_TEST(out_of_reach_while_its_directory_cannot_be_read_for_now)
{
	failing_with = EMFILE;
	failing = OPEN;
	failing_name = "ca.d";
	out_of_reach = path("ca.d/a.pem");
	look();
	ck_assert(trusts("2 3 "));
}
END_TEST

/* What this very reading refuses is not kept because another directory is in motion. */
START_TEST(refused_while_another_directory_is_in_motion)
{
	static const char *const refused[] = {"corp.example", "corp.example", "c.pem", "c.pem"};

	if (_i == 3 && geteuid() != 0)
		return; /* only root can give a file away */
	if (_i % 2 == 0) {
		failing_with = EACCES;
		failing = OPEN;
		failing_name = refused[_i];
	} else if (_i == 1) {
		ck_assert_int_eq(chmod(path("ca.d/corp.example"), 0777), 0);
	} else {
		ck_assert_int_eq(chown(path("ca.d/corp.example/c.pem"), 1234, 1234), 0);
	}
	ck_assert_int_eq(unlink(path("ca.d/a.pem")), 0);
	before_open = stir;
	look();
	before_open = NULL;
	ck_assert(trusts("1 2 9 "));
	ck_assert_ptr_nonnull(strstr(problem(TRUSTDIR_ERROR), refused[_i]));
}
END_TEST

/* The first reading has nothing to keep: what one of its tries has found counts. */
START_TEST(first_reading_of_a_directory_in_motion)
{
	write_der("ca.d/0.pem", 4);
	every = 16;
	for (unsigned i = 0; i < 200; i++) {
		trustdir_free(anchors);
		anchors = NULL;
		before_open = rename_one;
		look();
		before_open = NULL;
		ck_assert(trusts("1 2 3 4 "));
	}
}
END_TEST

/* As the kubelet updates a ConfigMap: a new folder, the link ..data swapped, the old one removed.
 */
static unsigned version;

static void next_version(void)
{
	char old[32], new[32], file[64];

	snprintf(old, sizeof(old), "map/..%u", version++);
	snprintf(new, sizeof(new), "map/..%u", version);
	ck_assert_int_eq(mkdir(path(new), 0755), 0);
	/* Each certificate moves to the other file. */
	for (unsigned i = 0; i < 2; i++) {
		snprintf(file, sizeof(file), "%s/%c.pem", new, 'a' + (int)i);
		write_der(file, 1 + (version + i) % 2);
	}
	ck_assert_int_eq(symlink(new + 4, path("map/..new")), 0);
	ck_assert_int_eq(rename(path("map/..new"), path("map/..data")), 0);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(file, sizeof(file), "%s/%c.pem", old, 'a' + (int)i);
		unlink(path(file));
	}
	rmdir(path(old));
}

static void swap_before(const char *name)
{
	if (name[0] == 'b' && version % 8 != 0)
		next_version();
}

/* The folder with the link in it, or one whose files lead to another. */
START_TEST(data_swap_while_it_is_read)
{
	static const char *const targets[][2] = {
		{"..data/a.pem", "..data/b.pem"},
		{"../map/..data/a.pem", "../map/..data/b.pem"},
	};
	const char *folder = _i == 0 ? "map" : "links";
	char name[32];

	version = 0;
	ck_assert_int_eq(mkdir(path("map"), 0755), 0);
	ck_assert_int_eq(mkdir(path("links"), 0755), 0);
	next_version();
	for (int i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "%s/%c.pem", folder, 'a' + i);
		ck_assert_int_eq(symlink(targets[_i][i], path(name)), 0);
	}
	tick();
	trustdir_free(anchors);
	anchors = NULL;
	for (unsigned i = 0; i < 60; i++) {
		next_version();
		before_open = swap_before;
		ck_assert_int_eq(look_at(path(folder)), 0);
		before_open = NULL;
		ck_assert_msg(trusts("1 2 "), "look %u, version %u", i, version);
	}
	ck_assert_uint_gt(version, 100);
}
END_TEST

START_TEST(unchanged_file_is_not_read_again)
{
	/* Older than a file system's times could hide. */
	nanosleep(&(struct timespec){.tv_sec = 3, .tv_nsec = 200 * 1000 * 1000}, NULL);
	look();
	opened = 0;
	write_der("ca.d/b.pem", 5);
	tick();
	look();
	ck_assert(trusts("1 3 5 "));
	/* It, and the folder of the scope. */
	ck_assert_uint_eq(opened, 2);
	/* Elsewhere it is another file, even if it is the same. */
	ck_assert_int_eq(rename(path("ca.d/a.pem"), path("ca.d/corp.example/a.pem")), 0);
	tick();
	look();
	ck_assert_str_eq(domain_of(1), "corp.example");
}
END_TEST

/* What another user wrote never counts because root acts as that user, or has become it. */
START_TEST(files_of_the_user_that_root_acts_as)
{
	const uid_t other = 65534;
	int status;
	pid_t child;

	if (geteuid() != 0)
		return;
	write_der("ca.d/evil.pem", 6);
	ck_assert_int_eq(chown(path("ca.d/evil.pem"), other, other), 0);
	ck_assert_int_eq(chmod(path("ca.d"), 01777), 0);
	tick();
	look();
	ck_assert(trusts("1 2 3 "));
	child = fork();
	if (child == 0) {
		bool right = (_i == 0 ? seteuid(other) : setuid(other)) == 0;

		look();
		right = right && trusts("1 2 3 ");
		/* Nor is one forgotten that is root's. */
		_exit(right && (_i == 1 || seteuid(0) == 0) ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(another_root_directory)
{
	int status;
	pid_t child;

	if (geteuid() != 0)
		return;
	child = fork();
	if (child == 0) {
		int changed, error;

		if (chroot(dir) != 0)
			_exit(2);
		changed = trustdir_changed(anchors);
		error = look_at("/ca.d");
		_exit(!changed && error == -EAGAIN && trusts("1 2 3 ") ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(size_of_all_files_is_bounded)
{
	char name[32];

	for (unsigned i = 0; i < 9; i++) {
		snprintf(name, sizeof(name), "ca.d/z%u.pem", i);
		write_der(name, 1);
		ck_assert_int_eq(truncate(path(name), TRUSTDIR_MAX_FILE), 0);
	}
	look();
	ck_assert(trusts("1 2 3 "));
	ck_assert_str_eq(problem(TRUSTDIR_ERROR),
			 "ca.d/z7.pem: skipped, like all files after the first 64 MiB");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reading");
	TCase *tc = tcase_create("reading"), *slow = fixture_slow(suite);

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_checked_fixture(slow, set_up, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, passing_failure_loses_nothing, 0,
			    (int)(LENGTH(passing) * LENGTH(places)));
	tcase_add_loop_test(tc, passing_failure_after_a_rename_loses_nothing, 0, LENGTH(passing));
	tcase_add_test(tc, passing_failure_of_a_look_is_no_change);
	tcase_add_test(tc, passing_failure_of_the_first_reading);
	tcase_add_loop_test(tc, what_may_not_be_read_any_more_goes, 0, 3);
	tcase_add_test(tc, what_may_not_be_looked_at_any_more_has_changed);
	tcase_add_test(tc, what_could_never_be_read);
	tcase_add_loop_test(tc, failed_malloc_loses_nothing, 0, 2);
	tcase_add_test(slow, rename_while_it_is_read);
	tcase_add_test(tc, removed_from_a_directory_in_motion);
	tcase_add_test(tc, removed_from_a_directory_that_cannot_be_read_for_now);
	tcase_add_test(tc, out_of_reach_while_its_directory_cannot_be_read_for_now);
	tcase_add_loop_test(tc, refused_while_another_directory_is_in_motion, 0, 4);
	tcase_add_test(tc, first_reading_of_a_directory_in_motion);
	tcase_add_loop_test(tc, data_swap_while_it_is_read, 0, 2);
	tcase_add_test(slow, unchanged_file_is_not_read_again);
	tcase_add_loop_test(tc, files_of_the_user_that_root_acts_as, 0, 2);
	tcase_add_test(tc, another_root_directory);
	tcase_add_test(tc, size_of_all_files_is_bounded);
	tcase_add_test(slow, missed_for_a_minute);
	suite_add_tcase(suite, tc);
	return fixture_run(suite);
}
