/* SPDX-License-Identifier: Apache-2.0 */
/* What the shim keeps from one generation of the anchors to the next, and what it leaves of
 * OpenSSL's. */
#include "trust.h"

#include "fixture.h"
#include "shim_openssl.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char *dir;

/* Later than it is, for the looks at the directory. */
static long ahead;

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	int ret = __real_clock_gettime(clock, now);

	if (clock == CLOCK_MONOTONIC_COARSE)
		now->tv_sec += ahead;
	return ret;
}

/* How often the dynamic linker was asked for an object. */
static unsigned searches;

bool __real_object_at(const void *address, struct object *ret);
bool __wrap_object_at(const void *address, struct object *ret);

bool __wrap_object_at(const void *address, struct object *ret)
{
	searches++;
	return __real_object_at(address, ret);
}

static void set_up(void)
{
	dir = fixture_dir();
	trust_only(dir);
}

static void tear_down(void)
{
	fixture_remove(dir);
}

static X509 *new_root(const char *cn)
{
	const struct cert_plan plan = {.cn = cn, .key = new_key(), .extensions = ROOT_EXTENSIONS};
	X509 *root = new_cert(&plan);

	EVP_PKEY_free(plan.key);
	return root;
}

static void write_roots(unsigned count)
{
	char name[32];
	X509 *root;

	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "root%03u.pem", i);
		root = new_root(name);
		write_cert(dir, name, root);
		X509_free(root);
	}
}

/* The anchors, after a look at the directory, which has not changed for a tick of its clock. */
static const struct trust *look(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
	ahead++;
	return trust_get(linked_ssl()->crypto);
}

static void scope_name(char *path, size_t size)
{
	snprintf(path, size, "%s/corp.example", dir);
	mkdir(path, 0755);
}

START_TEST(what_stays_is_the_same_anchor)
{
	char scope[4096];
	const struct trust *before, *now;
	X509 *more = new_root("more"), *again = new_root("again");

	write_roots(3);
	write_cert(dir, "again.pem", again);
	before = look();
	ck_assert_uint_eq(before->count, 4);
	write_cert(dir, "zzz.pem", more);
	now = look();
	ck_assert_uint_eq(now->generation, before->generation + 1);
	ck_assert_uint_eq(now->count, 5);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_ptr_eq(now->anchor[i], before->anchor[i]);
		ck_assert_uint_eq(now->anchor[i]->since, before->generation);
	}
	ck_assert_uint_eq(now->anchor[4]->since, now->generation);
	/* In another scope, it is another anchor of the same certificate, and has been there
	 * before. */
	scope_name(scope, sizeof(scope));
	write_cert(scope, "zzz.pem", more);
	fixture_file(dir, "zzz.pem", "", 0);
	before = now;
	now = look();
	ck_assert_uint_eq(now->count, 5);
	ck_assert_ptr_ne(trust_find(now, before->anchor[4]->cert), before->anchor[4]);
	ck_assert_ptr_nonnull(trust_find(now, before->anchor[4]->cert)->scope);
	ck_assert_ptr_null(before->anchor[4]->scope);
	ck_assert_uint_eq(trust_find(now, before->anchor[4]->cert)->since, before->generation);
	ck_assert_uint_eq(now->ever_count, 5);
	/* One that was away is the same certificate, and new to the stores of meanwhile. */
	fixture_file(dir, "again.pem", "", 0);
	before = now;
	now = look();
	ck_assert_uint_eq(now->count, 4);
	ck_assert_uint_eq(now->ever_count, 5);
	ck_assert(trust_is_former(now, before->anchor[0]->cert));
	write_cert(dir, "again.pem", again);
	now = look();
	ck_assert_ptr_eq(now->anchor[0]->cert, before->anchor[0]->cert);
	ck_assert_uint_eq(now->anchor[0]->since, now->generation);
	ck_assert_uint_eq(now->ever_count, 5);
	X509_free(more);
	X509_free(again);
}
END_TEST

START_TEST(change_leaves_little_behind)
{
	enum { CHANGES = 40 };
	X509 *one = new_root("comes and goes");
	size_t before = 0;

	write_roots(100);
	for (unsigned i = 0; i < 4 + CHANGES; i++) {
		if (i == 4)
			before = mallinfo2().uordblks;
		if (i % 2 == 0)
			write_cert(dir, "zzz.pem", one);
		else
			fixture_file(dir, "zzz.pem", "", 0);
		ck_assert_uint_eq(look()->count, i % 2 == 0 ? 101 : 100);
	}
	/* Two lists of pointers for 101, and one anchor for every second change. */
	ck_assert_uint_lt(mallinfo2().uordblks, before + CHANGES * 2400);
	X509_free(one);
}
END_TEST

/* What is in the queue, and where the mark is. */
static void put_errors(int count)
{
	ERR_clear_error();
	for (int i = 1; i <= count; i++) {
		ERR_raise(ERR_LIB_USER, i);
		if (i == count / 2)
			ERR_set_mark();
	}
}

static void expect_errors(int count)
{
	for (int i = 1; i <= count / 2; i++)
		ck_assert_int_eq(ERR_GET_REASON(ERR_get_error()), i);
	ck_assert_uint_eq(ERR_get_error(), 0);
}

START_TEST(errors_of_bad_certificates_push_none_out)
{
	enum { JUNK = 9, ERRORS = 10 };
	struct crypto *crypto = linked_ssl()->crypto;
	char name[32];

	write_roots(1);
	/* Framed as a certificate, and none. */
	for (unsigned i = 0; i < JUNK; i++) {
		unsigned char der[TINY_CERT];

		tiny_cert(i, der);
		snprintf(name, sizeof(name), "junk%u.pem", i);
		fixture_file(dir, name, der, sizeof(der));
	}
	put_errors(ERRORS);
	for (int nested = 0; nested < 2; nested++) {
		struct binding_scope scope = binding_work_begin(crypto), inner;

		inner = binding_work_begin(crypto);
		ck_assert_uint_eq(look()->count, 1);
		binding_work_end(crypto, inner);
		binding_work_end(crypto, scope);
	}
	ERR_pop_to_mark();
	expect_errors(ERRORS);
}
END_TEST

/* The locks of the dynamic linker are for the first call from each place. */
START_TEST(adding_certificates_asks_the_dynamic_linker_once)
{
	X509_STORE *store = X509_STORE_new();
	struct crypto *crypto = linked_ssl()->crypto;
	/* Of another object than this one, which is the shim here. */
	const void *caller = (const void *)(uintptr_t)&free;

	for (int i = 0; i < 100; i++) {
		ck_assert_ptr_eq(binding_crypto("X509_STORE_add_cert", caller, store, NULL),
				 crypto);
		ck_assert_uint_gt(searches, 0);
		if (i == 0)
			searches = 1;
	}
	ck_assert_uint_eq(searches, 1);
	X509_STORE_free(store);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trust");
	TCase *tc = tcase_create("trust");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, what_stays_is_the_same_anchor);
	tcase_add_test(tc, change_leaves_little_behind);
	tcase_add_test(tc, errors_of_bad_certificates_push_none_out);
	tcase_add_test(tc, adding_certificates_asks_the_dynamic_linker_once);
	suite_add_tcase(suite, tc);
	return fixture_run(suite);
}
