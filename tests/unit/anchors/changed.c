/* SPDX-License-Identifier: Apache-2.0 */
/* trustdir_changed(): every way in which a trust directory changes is seen, and nothing else is. */
#include "anchors/trustdir.h"

#include "fixture.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

/* Later than it is: what was written before counts as settled. */
static long ahead;

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	int ret = __real_clock_gettime(clock, now);

	now->tv_sec += ahead;
	return ret;
}

static char *dir;
static struct anchors *anchors;

static const char *path(const char *name)
{
	return fixture_path(dir, name);
}

/* Long enough for a file system to give another time to what is written next. */
static void tick(void)
{
	const struct timespec wait = {.tv_nsec = 50 * 1000 * 1000};

	nanosleep(&wait, NULL);
}

static void write_der(const char *name, unsigned id)
{
	fixture_cert(dir, name, id);
}

static void set_times(const char *name)
{
	const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};

	ck_assert_int_eq(utimensat(AT_FDCWD, path(name), times, 0), 0);
}

static void link_to(const char *target, const char *name)
{
	ck_assert_int_eq(symlink(target, path(".new")), 0);
	ck_assert_int_eq(rename(path(".new"), path(name)), 0);
}

static void set_up(void)
{
	dir = fixture_dir();
	ck_assert_int_eq(mkdir(path("ca.d"), 0755), 0);
	ck_assert_int_eq(mkdir(path("ca.d/corp.example"), 0755), 0);
	write_der("ca.d/a.pem", 1);
	write_der("ca.d/corp.example/b.pem", 2);
	set_times("ca.d/a.pem");
	/* A chain of links to a file elsewhere. */
	ck_assert_int_eq(mkdir(path("far"), 0755), 0);
	write_der("far/c.pem", 3);
	link_to("far", "near");
	link_to("../near/c.pem", "ca.d/c.pem");
	link_to("../far/none.pem", "ca.d/dangling.pem");
	/* As Kubernetes mounts a ConfigMap. */
	ck_assert_int_eq(mkdir(path("ca.d/..1"), 0755), 0);
	ck_assert_int_eq(mkdir(path("ca.d/..2"), 0755), 0);
	write_der("ca.d/..1/k.pem", 4);
	write_der("ca.d/..2/k.pem", 5);
	link_to("..1", "ca.d/..data");
	link_to("..data/k.pem", "ca.d/k.pem");
	tick();
}

static void tear_down(void)
{
	trustdir_free(anchors);
	anchors = NULL;
	fixture_remove(dir);
}

static void read_settled(const char *dirs)
{
	const struct trustdir_sources sources = {.dirs = dirs};

	ahead = 100;
	ck_assert_int_eq(trustdir_read(&sources, NULL, &anchors), 0);
	ck_assert(!trustdir_changed(anchors));
}

static void in_place(void)
{
	write_der("ca.d/a.pem", 9);
}

static void in_place_with_the_same_size_and_time(void)
{
	write_der("ca.d/a.pem", 9);
	set_times("ca.d/a.pem");
}

static void longer(void)
{
	int fd = open(path("ca.d/a.pem"), O_WRONLY | O_APPEND | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "\n", 1), 1);
	close(fd);
}

static void touched(void)
{
	ck_assert_int_eq(utimensat(AT_FDCWD, path("ca.d/a.pem"), NULL, 0), 0);
}

static void by_rename(void)
{
	write_der("new.pem", 9);
	ck_assert_int_eq(rename(path("new.pem"), path("ca.d/a.pem")), 0);
}

/* As an rsync or a package manager does, that keeps times. */
static void by_rename_with_the_same_size_and_time(void)
{
	write_der("new.pem", 9);
	set_times("new.pem");
	ck_assert_int_eq(rename(path("new.pem"), path("ca.d/a.pem")), 0);
}

static void removed(void)
{
	ck_assert_int_eq(unlink(path("ca.d/a.pem")), 0);
}

static void one_more(void)
{
	write_der("ca.d/z.pem", 9);
}

static void one_more_in_a_scope(void)
{
	write_der("ca.d/corp.example/z.pem", 9);
}

static void one_more_scope(void)
{
	ck_assert_int_eq(mkdir(path("ca.d/other.example"), 0755), 0);
}

static void scope_of_another_name(void)
{
	ck_assert_int_eq(rename(path("ca.d/corp.example"), path("ca.d/other.example")), 0);
}

static void in_place_in_a_scope(void)
{
	write_der("ca.d/corp.example/b.pem", 9);
}

static void name_that_counts_no_more(void)
{
	ck_assert_int_eq(rename(path("ca.d/a.pem"), path("ca.d/a.off")), 0);
}

static void data_swap(void)
{
	link_to("..2", "ca.d/..data");
}

static void end_of_a_chain_of_links(void)
{
	write_der("far/c.pem", 9);
}

static void middle_of_a_chain_of_links(void)
{
	ck_assert_int_eq(mkdir(path("elsewhere"), 0755), 0);
	write_der("elsewhere/c.pem", 3);
	link_to("elsewhere", "near");
}

static void chain_of_links_is_torn(void)
{
	ck_assert_int_eq(unlink(path("near")), 0);
}

static void link_leads_somewhere_at_last(void)
{
	write_der("far/none.pem", 9);
}

static void file_mode(void)
{
	ck_assert_int_eq(chmod(path("ca.d/a.pem"), 0666), 0);
}

static void mode_at_the_end_of_links(void)
{
	ck_assert_int_eq(chmod(path("far/c.pem"), 0666), 0);
}

static void folder_mode(void)
{
	ck_assert_int_eq(chmod(path("ca.d"), 0777), 0);
}

static void scope_mode(void)
{
	ck_assert_int_eq(chmod(path("ca.d/corp.example"), 0777), 0);
}

static void owner(void)
{
	/* Only root can give files away; a mode is a change that everybody can make. */
	if (geteuid() == 0)
		ck_assert_int_eq(chown(path("ca.d/a.pem"), 65534, (gid_t)-1), 0);
	else
		ck_assert_int_eq(chmod(path("ca.d/a.pem"), 0600), 0);
}

static void folder_is_gone(void)
{
	ck_assert_int_eq(rename(path("ca.d"), path("gone")), 0);
}

static void another_folder(void)
{
	ck_assert_int_eq(rename(path("ca.d"), path("gone")), 0);
	ck_assert_int_eq(mkdir(path("ca.d"), 0755), 0);
}

static const struct {
	const char *name;
	void (*change)(void);
} changes[] = {
#define CHANGE(f)                                                                                  \
	{                                                                                          \
#f, f                                                                              \
	}
	CHANGE(in_place),
	CHANGE(in_place_with_the_same_size_and_time),
	CHANGE(longer),
	CHANGE(touched),
	CHANGE(by_rename),
	CHANGE(by_rename_with_the_same_size_and_time),
	CHANGE(removed),
	CHANGE(one_more),
	CHANGE(one_more_in_a_scope),
	CHANGE(one_more_scope),
	CHANGE(scope_of_another_name),
	CHANGE(in_place_in_a_scope),
	CHANGE(name_that_counts_no_more),
	CHANGE(data_swap),
	CHANGE(end_of_a_chain_of_links),
	CHANGE(middle_of_a_chain_of_links),
	CHANGE(chain_of_links_is_torn),
	CHANGE(link_leads_somewhere_at_last),
	CHANGE(file_mode),
	CHANGE(mode_at_the_end_of_links),
	CHANGE(folder_mode),
	CHANGE(scope_mode),
	CHANGE(owner),
	CHANGE(folder_is_gone),
	CHANGE(another_folder),
};

START_TEST(each_change)
{
	read_settled(path("ca.d"));
	changes[_i].change();
	ck_assert_msg(trustdir_changed(anchors), "%s", changes[_i].name);
	/* Read anew, it is settled again. */
	trustdir_free(anchors);
	anchors = NULL;
	read_settled(path("ca.d"));
}
END_TEST

START_TEST(through_a_link_to_the_folder)
{
	ck_assert_int_eq(mkdir(path("other.d"), 0755), 0);
	link_to("ca.d", "link");
	tick();
	read_settled(path("link"));
	write_der("ca.d/a.pem", 9);
	ck_assert(trustdir_changed(anchors));
	trustdir_free(anchors);
	anchors = NULL;
	read_settled(path("link"));
	link_to("other.d", "link");
	ck_assert(trustdir_changed(anchors));
}
END_TEST

START_TEST(single_file)
{
	read_settled(path("far/c.pem"));
	write_der("far/another.pem", 9);
	ck_assert(!trustdir_changed(anchors));
	write_der("far/c.pem", 9);
	ck_assert(trustdir_changed(anchors));
}
END_TEST

START_TEST(what_was_missing_appears)
{
	read_settled(path("late.d"));
	ck_assert_int_eq(mkdir(path("late.d"), 0755), 0);
	ck_assert(trustdir_changed(anchors));
}
END_TEST

START_TEST(what_is_elsewhere_is_nothing)
{
	read_settled(path("ca.d"));
	write_der("far/another.pem", 9);
	write_der("beside.pem", 9);
	write_der("ca.d/..2/k.pem", 8);
	ck_assert(!trustdir_changed(anchors));
}
END_TEST

/* A write in the same tick as the reading may leave all that stat shows as it was. */
START_TEST(fresh_files_count_as_changed)
{
	const struct trustdir_sources sources = {.dirs = path("ca.d")};

	ahead = 0;
	ck_assert_int_eq(trustdir_read(&sources, NULL, &anchors), 0);
	ck_assert(trustdir_changed(anchors));
}
END_TEST

START_TEST(same_anchors_or_not)
{
	char dirs[PATH_MAX];
	const struct trustdir_sources sources = {.dirs = dirs};
	struct anchors *now = NULL;
	static const struct {
		void (*change)(void);
		bool same;
	} steps[] = {
		{touched, true},
		{by_rename_with_the_same_size_and_time, false},
		{one_more_scope, true},
		{data_swap, false},
		{middle_of_a_chain_of_links, true},
		{scope_of_another_name, false},
	};

	snprintf(dirs, sizeof(dirs), "%s/ca.d", dir);
	for (size_t i = 0; i < LENGTH(steps); i++) {
		ck_assert_int_eq(trustdir_read(&sources, NULL, &anchors), 0);
		/* The scope that one step adds must not be in the way of another. */
		if (steps[i].change == scope_of_another_name)
			ck_assert_int_eq(rmdir(path("ca.d/other.example")), 0);
		steps[i].change();
		ck_assert_int_eq(trustdir_read(&sources, NULL, &now), 0);
		ck_assert_int_eq(trustdir_same(anchors, now), steps[i].same);
		ck_assert_int_eq(trustdir_same(now, anchors), steps[i].same);
		trustdir_free(anchors);
		trustdir_free(now);
		anchors = NULL;
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("change");
	TCase *tc = tcase_create("change");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, each_change, 0, (int)LENGTH(changes));
	tcase_add_test(tc, through_a_link_to_the_folder);
	tcase_add_test(tc, single_file);
	tcase_add_test(tc, what_was_missing_appears);
	tcase_add_test(tc, what_is_elsewhere_is_nothing);
	tcase_add_test(tc, fresh_files_count_as_changed);
	tcase_add_test(tc, same_anchors_or_not);
	suite_add_tcase(suite, tc);
	return fixture_run(suite);
}
