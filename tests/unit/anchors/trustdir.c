/* SPDX-License-Identifier: Apache-2.0 */
#include "anchors/trustdir.h"

#include "anchors/reading.h"
#include "fixture.h"
#include "x509/certfile.h"

#include <check.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static char *dir;
static struct anchors *anchors;

static void set_up(void)
{
	dir = fixture_dir();
}

static void tear_down(void)
{
	trustdir_free(anchors);
	anchors = NULL;
	fixture_remove(dir);
}

static void write_der(const char *name, unsigned id)
{
	fixture_cert(dir, name, id);
}

static const char *path(const char *name)
{
	return fixture_path(dir, name);
}

static void read_sources(const struct trustdir_sources *sources)
{
	trustdir_free(anchors);
	anchors = NULL;
	ck_assert_int_eq(trustdir_read(sources, NULL, &anchors), 0);
}

static void read_dirs(const char *dirs)
{
	const struct trustdir_sources sources = {.dirs = dirs};

	read_sources(&sources);
}

/* The ids of the anchors, in order: "1 2 ". */
static const char *ids(void)
{
	static char buf[256];

	buf[0] = '\0';
	for (size_t i = 0; i < anchors->count; i++)
		snprintf(buf + strlen(buf), sizeof(buf) - strlen(buf), "%u ",
			 anchors->anchor[i].der[9] << 8 | anchors->anchor[i].der[10]);
	return buf;
}

/* The only problem, without the directory in front of it; "" where there is none. */
static const char *problem(enum trustdir_level level)
{
	const char *found = "";

	for (size_t i = 0; i < anchors->problem_count; i++) {
		const char *text = anchors->problem[i].text;

		if (anchors->problem[i].level != level)
			continue;
		ck_assert_str_eq(found, "");
		found = strncmp(text, dir, strlen(dir)) == 0 ? text + strlen(dir) : text;
	}
	return found;
}

START_TEST(reads_known_endings_in_the_order_of_names)
{
	write_der("b.CRT", 2);
	write_der("a.pem", 1);
	write_der("c.der", 3);
	write_der(".hidden.pem", 9);
	write_der("README", 9);
	write_der("5ed36f99.0", 9);
	write_der("x.pem~", 9);
	write_der("pem", 9);
	read_dirs(dir);
	ck_assert_str_eq(ids(), "1 2 3 ");
	ck_assert_str_eq(problem(TRUSTDIR_ERROR), "");
	ck_assert_str_eq(anchors->anchor[0].file + strlen(dir), "/a.pem");
}
END_TEST

START_TEST(each_certificate_once)
{
	write_der("a.pem", 1);
	write_der("b.pem", 1);
	write_der("c.pem", 2);
	read_dirs(dir);
	ck_assert_str_eq(ids(), "1 2 ");
	ck_assert_str_eq(anchors->anchor[0].file + strlen(dir), "/a.pem");
	ck_assert_ptr_nonnull(anchors->anchor[0].copies);
	ck_assert_str_eq(anchors->anchor[0].copies->file + strlen(dir), "/b.pem");
	ck_assert_ptr_null(anchors->anchor[0].copies->next);
	ck_assert_ptr_null(anchors->anchor[1].copies);
	ck_assert_str_eq(problem(TRUSTDIR_ERROR), "");
}
END_TEST

START_TEST(several_directories_and_single_files)
{
	char dirs[3 * PATH_MAX];

	write_der("a.pem", 1);
	ck_assert_int_eq(mkdir(path("two"), 0755), 0);
	write_der("two/b.pem", 2);
	write_der("no-ending", 3);
	snprintf(dirs, sizeof(dirs), ":%s/two::%s/no-ending:%s/a.pem:", dir, dir, dir);
	read_dirs(dirs);
	ck_assert_str_eq(ids(), "2 3 1 ");
	ck_assert_str_eq(problem(TRUSTDIR_ERROR), "");
}
END_TEST

START_TEST(pem_variable_counts_beside_directories)
{
	struct trustdir_sources sources = {.dirs = dir};
	unsigned char der[TINY_CERT];
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	tiny_cert(4, der);
	pem_write(out, "CERTIFICATE", der, sizeof(der));
	fclose(out);
	sources.pem = text;
	write_der("a.pem", 1);
	read_sources(&sources);
	free(text);
	ck_assert_str_eq(ids(), "1 4 ");
	ck_assert_str_eq(anchors->anchor[1].file, "CATRUST_PEM");
	ck_assert_uint_eq(anchors->anchor[1].line, 1);
}
END_TEST

START_TEST(default_directories)
{
	struct trustdir_sources sources = {.home = dir};

	ck_assert_int_eq(mkdir(path(".config"), 0755), 0);
	read_sources(&sources);
	ck_assert_str_eq(problem(TRUSTDIR_ERROR), "");
	ck_assert_int_eq(mkdir(path(".config/catrust"), 0755), 0);
	ck_assert_int_eq(mkdir(path(".config/catrust/ca.d"), 0755), 0);
	write_der(".config/catrust/ca.d/a.pem", 1);
	read_sources(&sources);
	ck_assert_str_eq(ids(), "1 ");
	sources.xdg = "relative";
	read_sources(&sources);
	ck_assert_str_eq(ids(), "1 ");
	sources.xdg = path("elsewhere");
	read_sources(&sources);
	ck_assert_str_eq(ids(), "");
	ck_assert_str_eq(problem(TRUSTDIR_ERROR), "");
	sources.xdg = path(".config");
	sources.home = NULL;
	read_sources(&sources);
	ck_assert_str_eq(ids(), "1 ");
}
END_TEST

START_TEST(home_of_another_user)
{
	struct trustdir_sources sources = {.home = dir};

	if (geteuid() != 0)
		return; /* only root can give a folder away */
	ck_assert_int_eq(mkdir(path(".config"), 0755), 0);
	ck_assert_int_eq(mkdir(path(".config/catrust"), 0755), 0);
	ck_assert_int_eq(mkdir(path(".config/catrust/ca.d"), 0755), 0);
	write_der(".config/catrust/ca.d/a.pem", 1);
	ck_assert_int_eq(chown(dir, 1234, 1234), 0);
	read_sources(&sources);
	ck_assert_str_eq(ids(), "");
	ck_assert_str_eq(problem(TRUSTDIR_ERROR), "");
	sources.xdg = path(".config");
	read_sources(&sources);
	ck_assert_str_eq(ids(), "1 ");
	ck_assert_int_eq(chown(path(".config"), 1234, 1234), 0);
	read_sources(&sources);
	ck_assert_str_eq(ids(), "");
}
END_TEST

START_TEST(privileged_processes_read_no_variable)
{
	struct trustdir_sources sources = {.dirs = dir, .home = dir, .privileged = true};

	write_der("a.pem", 1);
	read_sources(&sources);
	ck_assert_str_eq(ids(), "");
}
END_TEST

START_TEST(missing_directory_is_told)
{
	read_dirs(path("none"));
	ck_assert_str_eq(problem(TRUSTDIR_ERROR), "/none: no such file or directory");
}
END_TEST

START_TEST(empty_directory_is_told_where_it_was_named)
{
	read_dirs(dir);
	ck_assert_str_eq(problem(TRUSTDIR_ERROR), ": there is no certificate, so no CA is added");
}
END_TEST

START_TEST(bad_file_costs_only_itself)
{
	fixture_file(dir, "bad.pem", "junk\n", 5);
	write_der("good.pem", 1);
	read_dirs(dir);
	ck_assert_str_eq(ids(), "1 ");
	ck_assert_str_eq(problem(TRUSTDIR_ERROR),
			 "/bad.pem: not a certificate (neither PEM nor DER)");
}
END_TEST

START_TEST(one_line_for_a_torn_bundle)
{
	static const char torn[] = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"
				   "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";

	fixture_file(dir, "torn.pem", torn, strlen(torn));
	read_dirs(dir);
	ck_assert_str_eq(problem(TRUSTDIR_ERROR), "/torn.pem: line 1: broken base64");
	ck_assert_str_eq(problem(TRUSTDIR_INFO), "/torn.pem: line 4: broken base64");
}
END_TEST

START_TEST(what_is_not_a_file)
{
	write_der("good.pem", 1);
	ck_assert_int_eq(mkfifo(path("fifo.pem"), 0644), 0);
	read_dirs(dir);
	ck_assert_str_eq(ids(), "1 ");
	ck_assert_str_eq(problem(TRUSTDIR_ERROR), "/fifo.pem: not a regular file, skipped");
}
END_TEST

START_TEST(links_are_followed_and_loops_are_told)
{
	write_der("data", 1);
	ck_assert_int_eq(symlink("data", path("link.pem")), 0);
	ck_assert_int_eq(symlink("loop.pem", path("loop.pem")), 0);
	read_dirs(dir);
	ck_assert_str_eq(ids(), "1 ");
	ck_assert_str_eq(problem(TRUSTDIR_ERROR), "/loop.pem: too many levels of symbolic links");
}
END_TEST

static const struct {
	const char *name, *problem; /* "" where it is a scope */
} directories[] = {
	{"corp.example", ""},
	{"10.0.0.0_8", ""},
	{"10.1.0.0_8", "neither a domain nor a range of addresses"},
	{"not a scope", "neither a domain nor a range of addresses"},
	{"x.pem", "a directory, not a file"},
};

START_TEST(subdirectories_are_scopes)
{
	char name[64];

	ck_assert_int_eq(mkdir(path(directories[_i].name), 0755), 0);
	snprintf(name, sizeof(name), "%s/a.pem", directories[_i].name);
	write_der(name, 1);
	write_der("z.pem", 2);
	read_dirs(dir);
	if (directories[_i].problem[0] == '\0') {
		ck_assert_str_eq(ids(), "1 2 ");
		ck_assert_ptr_nonnull(anchors->anchor[0].scopes);
		ck_assert_str_eq(problem(TRUSTDIR_ERROR), "");
	} else {
		ck_assert_str_eq(ids(), "2 ");
		ck_assert_ptr_nonnull(strstr(problem(TRUSTDIR_ERROR), directories[_i].problem));
	}
	ck_assert_ptr_null(anchors->anchor[anchors->count - 1].scopes);
}
END_TEST

START_TEST(scopes_of_one_certificate_add_up)
{
	ck_assert_int_eq(mkdir(path("a.example"), 0755), 0);
	ck_assert_int_eq(mkdir(path("b.example"), 0755), 0);
	write_der("a.example/1.pem", 1);
	write_der("b.example/1.pem", 1);
	write_der("b.example/2.pem", 1);
	read_dirs(dir);
	ck_assert_str_eq(ids(), "1 ");
	ck_assert_str_eq(anchors->anchor[0].scopes->scope.domain, "b.example");
	ck_assert_str_eq(anchors->anchor[0].scopes->next->scope.domain, "a.example");
	ck_assert_ptr_null(anchors->anchor[0].scopes->next->next);
	write_der("z.pem", 1);
	read_dirs(dir);
	ck_assert_str_eq(ids(), "1 ");
	ck_assert_ptr_null(anchors->anchor[0].scopes);
}
END_TEST

START_TEST(number_of_scopes_is_bounded)
{
	char name[64];
	size_t count = 0;

	for (int i = 0; i < TRUSTDIR_MAX_SCOPES + 1; i++) {
		snprintf(name, sizeof(name), "s%02d.example", i);
		ck_assert_int_eq(mkdir(path(name), 0755), 0);
		snprintf(name, sizeof(name), "s%02d.example/a.pem", i);
		write_der(name, 1);
	}
	read_dirs(dir);
	ck_assert_str_eq(ids(), "1 ");
	for (const struct scope_list *l = anchors->anchor[0].scopes; l != NULL; l = l->next) {
		ck_assert_str_ne(l->scope.domain, "s64.example");
		count++;
	}
	ck_assert_uint_eq(count, TRUSTDIR_MAX_SCOPES);
	ck_assert_str_eq(problem(TRUSTDIR_ERROR),
			 "/s64.example/a.pem: a certificate in it already has 64 scopes, the "
			 "maximum, so this scope is ignored");
}
END_TEST

/* A file of so many certificates, numbered from first on. */
static void write_many(const char *name, unsigned first, unsigned count)
{
	unsigned char *der = malloc((size_t)TINY_CERT * count);

	ck_assert_ptr_nonnull(der);
	for (unsigned i = 0; i < count; i++)
		tiny_cert(first + i, der + (size_t)TINY_CERT * i);
	fixture_file(dir, name, der, (size_t)TINY_CERT * count);
	free(der);
}

START_TEST(refused_file_widens_no_scope)
{
	ck_assert_int_eq(mkdir(path("a.example"), 0755), 0);
	write_der("a.example/1.pem", 1);
	write_many("many.pem", 0, CERTFILE_MAX_CERTS + 1);
	read_dirs(dir);
	ck_assert_str_eq(ids(), "1 ");
	ck_assert_ptr_nonnull(anchors->anchor[0].scopes);
}
END_TEST

START_TEST(a_bundle_of_two_thousand)
{
	write_many("bundle.pem", 0, 2000);
	read_dirs(dir);
	ck_assert_uint_eq(anchors->count, 2000);
	ck_assert_uint_eq(anchors->problem_count, 0);
}
END_TEST

START_TEST(size_of_a_file_is_bounded)
{
	write_der("big.pem", 1);
	ck_assert_int_eq(truncate(path("big.pem"), TRUSTDIR_MAX_FILE), 0);
	read_dirs(dir);
	ck_assert_str_eq(ids(), "1 "); /* zeros at the end are padding */
	ck_assert_int_eq(truncate(path("big.pem"), TRUSTDIR_MAX_FILE + 1), 0);
	read_dirs(dir);
	ck_assert_str_eq(ids(), "");
	ck_assert_str_eq(problem(TRUSTDIR_ERROR),
			 "/big.pem: skipped, because it is larger than 8 MiB");
}
END_TEST

START_TEST(number_of_files_is_bounded)
{
	char name[32];

	for (unsigned i = 0; i < TRUSTDIR_MAX_FILES + 20; i++) {
		snprintf(name, sizeof(name), "%04u.pem", i);
		write_der(name, i);
	}
	read_dirs(dir);
	ck_assert_uint_eq(anchors->count, TRUSTDIR_MAX_FILES);
	ck_assert_ptr_nonnull(strstr(problem(TRUSTDIR_ERROR), "all files after the first 1000"));
}
END_TEST

START_TEST(number_of_certificates_is_bounded)
{
	char name[32];

	for (unsigned f = 0; f < 5; f++) {
		snprintf(name, sizeof(name), "%u.pem", f);
		write_many(name, f * 1000, 1000);
	}
	read_dirs(dir);
	ck_assert_uint_eq(anchors->count, TRUSTDIR_MAX_ANCHORS);
	ck_assert_str_eq(problem(TRUSTDIR_ERROR), "/4.pem: all files together have more than 4096 "
						  "certificates; the others are ignored");
	write_many("0.pem", 0, CERTFILE_MAX_CERTS + 1);
	read_dirs(path("0.pem"));
	ck_assert_uint_eq(anchors->count, 0);
	ck_assert_str_eq(problem(TRUSTDIR_ERROR),
			 "/0.pem: skipped, because it has more than 4096 certificates");
}
END_TEST

START_TEST(number_of_problems_is_bounded)
{
	char name[32];

	for (unsigned i = 0; i < TRUSTDIR_MAX_PROBLEMS + 7; i++) {
		snprintf(name, sizeof(name), "%04u.pem", i);
		fixture_file(dir, name, "junk", 4);
	}
	read_dirs(dir);
	ck_assert_uint_eq(anchors->problem_count, TRUSTDIR_MAX_PROBLEMS);
	ck_assert_uint_eq(anchors->problems_lost, 7);
}
END_TEST

/* Those that are only counted must not take memory. */
START_TEST(memory_of_problems_is_bounded)
{
	char name[256];
	size_t before;

	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "%0200u not a domain", i);
		ck_assert_int_eq(mkdir(path(name), 0755), 0);
	}
	before = mallinfo2().uordblks;
	read_dirs(dir);
	ck_assert_uint_eq(anchors->problems_lost, 5000 - TRUSTDIR_MAX_PROBLEMS);
	/* What is watched stays, and its path. */
	ck_assert_uint_lt(mallinfo2().uordblks - before, 5000 * 600);
}
END_TEST

/* Of whatever name: links to nothing are watched, and so take memory. */
START_TEST(number_of_entries_is_bounded)
{
	char name[32], over[256];

	for (unsigned i = 0; i < TRUSTDIR_MAX_ENTRIES; i++) {
		snprintf(name, sizeof(name), "%05u", i);
		ck_assert_int_eq(symlink("nothing", path(name)), 0);
	}
	read_dirs(dir);
	ck_assert_ptr_nonnull(strstr(problem(TRUSTDIR_ERROR), "all entries after the first 50000"));
	/* Those of another user, in a directory where all may make some, neither count nor are
	 * watched, and one line stands for all. */
	if (geteuid() != 0)
		return;
	for (unsigned i = 0; i < TRUSTDIR_MAX_ENTRIES; i++) {
		snprintf(name, sizeof(name), "%05u", i);
		ck_assert_int_eq(lchown(path(name), 1234, 1234), 0);
	}
	write_der("a.pem", 1);
	ck_assert_int_eq(chmod(dir, 01777), 0);
	read_dirs(dir);
	ck_assert_str_eq(ids(), "1 ");
	snprintf(over, sizeof(over), "%s", problem(TRUSTDIR_ERROR) + strlen("/00000"));
	ck_assert_str_eq(strstr(over, "belongs neither to root"),
			 over + strlen(": skipped, because it "));
	ck_assert_uint_eq(anchors->problems_lost, TRUSTDIR_MAX_ENTRIES - 1);
	ck_assert_uint_lt(((const struct reading *)anchors)->watch_count, 10);
}
END_TEST

static const struct {
	mode_t dir, file;
	uid_t owner;
	gid_t group;
	bool trusted;
} modes[] = {
	{0755, 0644, 0, 0, true},     {0755, 0664, 0, 0, true},	 {0775, 0644, 0, 0, true},
	{0755, 0646, 0, 0, false},    {0757, 0644, 0, 0, false}, {01777, 0644, 0, 0, true},
	{0755, 0664, 0, 50, false},   {0755, 0644, 0, 50, true}, {0755, 0644, 1234, 1234, false},
	{0755, 0600, 1234, 0, false},
};

START_TEST(files_that_others_may_write_are_skipped)
{
	struct trustdir_sources sources = {.dirs = dir};

	if (geteuid() != 0)
		return; /* only root can make all of these */
	write_der("a.pem", 1);
	ck_assert_int_eq(chown(path("a.pem"), modes[_i].owner, modes[_i].group), 0);
	ck_assert_int_eq(chmod(path("a.pem"), modes[_i].file), 0);
	ck_assert_int_eq(chmod(dir, modes[_i].dir), 0);
	read_sources(&sources);
	ck_assert_str_eq(ids(), modes[_i].trusted ? "1 " : "");
	ck_assert_int_eq(problem(TRUSTDIR_ERROR)[0] == '\0', modes[_i].trusted);
	sources.allow_writable = true;
	read_sources(&sources);
	ck_assert_str_eq(ids(), "1 ");
}
END_TEST

/* Somebody else may write to what root owns by an ACL; chmod shows that as a right of the group. */
START_TEST(acl_of_somebody_else)
{
	/* Version 2; user rw-, user 1234 rw-, group r--, mask rw-, others r--. */
	static const unsigned char acl[] = {
		2, 0,	 0,    0,    1,	   0,	 6,    0, 0xff, 0xff, 0xff, 0xff, 2,	0,    6,
		0, 0xd2, 4,    0,    0,	   4,	 0,    4, 0,	0xff, 0xff, 0xff, 0xff, 0x10, 0,
		6, 0,	 0xff, 0xff, 0xff, 0xff, 0x20, 0, 4,	0,    0xff, 0xff, 0xff, 0xff,
	};
	static const char name[] = "system.posix_acl_access";
	bool on_dir = _i == 1;

	write_der("a.pem", 1);
	if (setxattr(on_dir ? dir : path("a.pem"), name, acl, sizeof(acl), 0) != 0) {
		fprintf(stderr, "no ACL here: %s\n", strerror(errno));
		return;
	}
	ck_assert_int_eq(chmod(path("a.pem"), on_dir ? 0644 : 0664), 0);
	ck_assert_int_eq(chmod(dir, on_dir ? 0775 : 0755), 0);
	read_dirs(dir);
	ck_assert_str_eq(ids(), "");
	ck_assert_ptr_nonnull(strstr(problem(TRUSTDIR_ERROR), "other users may write to it"));
	/* One that gives nobody anything more. */
	ck_assert_int_eq(chmod(on_dir ? dir : path("a.pem"), on_dir ? 0755 : 0644), 0);
	read_dirs(dir);
	ck_assert_str_eq(ids(), "1 ");
}
END_TEST

/* Called before an entry is opened. */
static void (*before_openat)(const char *name);

int __real_openat(int at, const char *name, int flags);
int __wrap_openat(int at, const char *name, int flags);

int __wrap_openat(int at, const char *name, int flags)
{
	if (before_openat != NULL)
		before_openat(name);
	return __real_openat(at, name, flags);
}

static void take_away_the_next(const char *name)
{
	if (strcmp(name, "a.pem") == 0)
		unlink(path("b.pem"));
	else
		write_der("b.pem", 2);
}

static void swap(const char *name)
{
	if (strcmp(name, "b.pem") == 0) {
		write_der("new", 3);
		ck_assert_int_eq(rename(path("new"), name), 0);
	}
}

static void swap_once(const char *name)
{
	static bool done;

	if (!done)
		swap(name);
	done = done || strcmp(name, "b.pem") == 0;
}

/*
 * In a sticky directory, who adds a link is looked at, and it is opened: in between it may become
 * another one. Then the directory is read again.
 */
START_TEST(entries_that_change_while_they_are_opened)
{
	static void (*const change[])(const char *) = {NULL, take_away_the_next, swap, swap_once};
	static const char *const expected[] = {"1 2 ", "1 ", "1 ", "1 3 "};

	write_der("a.pem", 1);
	write_der("b.pem", 2);
	ck_assert_int_eq(chmod(dir, 01777), 0);
	ck_assert_int_eq(chdir(dir), 0);
	before_openat = change[_i];
	read_dirs(dir);
	before_openat = NULL;
	ck_assert_str_eq(ids(), expected[_i]);
	ck_assert_str_eq(problem(TRUSTDIR_ERROR),
			 _i == 2 ? "/b.pem: skipped, because it is being replaced" : "");
	ck_assert_int_eq(anchors->moved, _i == 2);
}
END_TEST

/* A hard link that another user made to what is trusted within another scope. */
START_TEST(hard_links_in_a_shared_directory)
{
	char far[PATH_MAX];

	ck_assert_int_eq(mkdir(path("far"), 0755), 0);
	ck_assert_int_eq(mkdir(path("ca.d"), 0755), 0);
	write_der("far/a.pem", 1);
	write_der("ca.d/b.pem", 2);
	snprintf(far, sizeof(far), "%s/far/a.pem", dir);
	ck_assert_int_eq(link(far, path("ca.d/a.pem")), 0);
	read_dirs(path("ca.d"));
	ck_assert_str_eq(ids(), "1 2 ");
	ck_assert_int_eq(chmod(path("ca.d"), 01777), 0);
	read_dirs(path("ca.d"));
	ck_assert_str_eq(ids(), "2 ");
	ck_assert_ptr_nonnull(strstr(problem(TRUSTDIR_ERROR), "more than one name"));
	/* Seen without a change of the directory. */
	ck_assert_int_eq(unlink(far), 0);
	ck_assert(trustdir_changed(anchors));
	read_dirs(path("ca.d"));
	ck_assert_str_eq(ids(), "1 2 ");
}
END_TEST

/* Another user's link to a directory, or a file, of root's. */
START_TEST(links_of_others_to_a_trust_directory)
{
	static const char *const targets[] = {"ca.d", "ca.d/", "ca.d/a.pem"};
	struct trustdir_sources sources = {.dirs = NULL};
	char link[PATH_MAX];

	if (geteuid() != 0)
		return; /* only root can give a link away */
	ck_assert_int_eq(mkdir(path("ca.d"), 0755), 0);
	write_der("ca.d/a.pem", 1);
	ck_assert_int_eq(symlink(targets[_i], path("link")), 0);
	snprintf(link, sizeof(link), "%s/link%s", dir, _i == 1 ? "//" : "");
	read_dirs(link);
	ck_assert_str_eq(ids(), "1 ");
	ck_assert_int_eq(lchown(path("link"), 1234, 1234), 0);
	read_dirs(link);
	ck_assert_str_eq(ids(), "");
	ck_assert_ptr_nonnull(
		strstr(problem(TRUSTDIR_ERROR), "/link: skipped, because it belongs"));
	sources.dirs = link;
	sources.allow_writable = true;
	read_sources(&sources);
	ck_assert_str_eq(ids(), "1 ");
}
END_TEST

START_TEST(where_new_anchors_go)
{
	struct trustdir_sources sources = {.dirs = ":/one:/two", .home = "/home/u"};
	char buf[64], tiny[8];

	ck_assert_int_eq(trustdir_first(&sources, true, buf, sizeof(buf)), 0);
	ck_assert_str_eq(buf, "/one");
	sources.dirs = NULL;
	ck_assert_int_eq(trustdir_first(&sources, true, buf, sizeof(buf)), 0);
	ck_assert_str_eq(buf, "/etc/catrust/ca.d");
	ck_assert_int_eq(trustdir_first(&sources, false, buf, sizeof(buf)), 0);
	ck_assert_str_eq(buf, "/home/u/.config/catrust/ca.d");
	ck_assert_int_eq(trustdir_first(&sources, false, tiny, sizeof(tiny)), -ENAMETOOLONG);
	sources.home = NULL;
	ck_assert_int_eq(trustdir_first(&sources, false, buf, sizeof(buf)), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trustdir");
	TCase *tc = tcase_create("trustdir"), *slow = fixture_slow(suite);

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_checked_fixture(slow, set_up, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, reads_known_endings_in_the_order_of_names);
	tcase_add_test(tc, each_certificate_once);
	tcase_add_test(tc, several_directories_and_single_files);
	tcase_add_test(tc, pem_variable_counts_beside_directories);
	tcase_add_test(tc, default_directories);
	tcase_add_test(tc, home_of_another_user);
	tcase_add_test(tc, privileged_processes_read_no_variable);
	tcase_add_test(tc, missing_directory_is_told);
	tcase_add_test(tc, empty_directory_is_told_where_it_was_named);
	tcase_add_test(tc, bad_file_costs_only_itself);
	tcase_add_test(tc, one_line_for_a_torn_bundle);
	tcase_add_test(tc, what_is_not_a_file);
	tcase_add_test(tc, links_are_followed_and_loops_are_told);
	tcase_add_loop_test(tc, subdirectories_are_scopes, 0, 5);
	tcase_add_test(tc, scopes_of_one_certificate_add_up);
	tcase_add_test(tc, number_of_scopes_is_bounded);
	tcase_add_test(tc, refused_file_widens_no_scope);
	tcase_add_test(tc, a_bundle_of_two_thousand);
	tcase_add_test(tc, size_of_a_file_is_bounded);
	tcase_add_test(tc, number_of_files_is_bounded);
	tcase_add_test(tc, number_of_certificates_is_bounded);
	tcase_add_test(tc, number_of_problems_is_bounded);
	tcase_add_loop_test(tc, files_that_others_may_write_are_skipped, 0,
			    (int)(sizeof(modes) / sizeof(*modes)));
	tcase_add_loop_test(tc, acl_of_somebody_else, 0, 2);
	tcase_add_loop_test(tc, entries_that_change_while_they_are_opened, 0, 4);
	tcase_add_test(tc, hard_links_in_a_shared_directory);
	tcase_add_loop_test(tc, links_of_others_to_a_trust_directory, 0, 3);
	tcase_add_test(tc, where_new_anchors_go);
	tcase_add_test(slow, memory_of_problems_is_bounded);
	tcase_add_test(slow, number_of_entries_is_bounded);
	suite_add_tcase(suite, tc);
	return fixture_run(suite);
}
