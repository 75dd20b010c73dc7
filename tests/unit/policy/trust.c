/* SPDX-License-Identifier: Apache-2.0 */
/* What the shim keeps from one edition of the anchors to the next, and what it leaves of
 * OpenSSL's. */
#include "policy/current.h"

#include "allocation.h"
#include "fixture.h"
#include "linked_openssl.h"
#include "process/edition.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char *dir;

/* Later than it is, for the looks at the directory, which what was just written is old enough for.
 */
static long ahead;

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	enum { SETTLED_S = 100 };
	int ret = __real_clock_gettime(clock, now);

	if (clock == CLOCK_MONOTONIC_COARSE)
		now->tv_sec += ahead;
	else if (clock == CLOCK_REALTIME)
		now->tv_sec += SETTLED_S;
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

/* OpenSSL's allocations can fail too. */
static void *openssl_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return malloc(size);
}

static void *openssl_realloc(void *old, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return realloc(old, size);
}

static void openssl_free(void *data, const char *file, int line)
{
	(void)file;
	(void)line;
	free(data);
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

/* The anchors, after a look at the directory; until trust_leave(). */
static const struct trust *look(void)
{
	ahead += 100;
	return trust_enter(linked_ssl()->crypto);
}

static size_t count_anchors(void)
{
	const struct trust *trust = look();
	size_t count = trust == NULL ? 0 : trust->count;

	trust_leave();
	return count;
}

/* The first anchor of a certificate's name; until trust_leave(). */
static struct trust_anchor *find(const struct trust *trust, const X509 *cert)
{
	size_t count;
	struct trust_anchor *const *found = trust_find(trust, X509_get_subject_name(cert), &count);

	return count == 0 ? NULL : found[0];
}

static void scope_name(char *path, size_t size)
{
	snprintf(path, size, "%s/corp.example", dir);
	mkdir(path, 0755);
}

START_TEST(what_stays_is_the_same_anchor)
{
	char scope[4096];
	const struct trust *trust;
	struct trust_anchor *before, *now;
	struct crypto *crypto = linked_ssl()->crypto;
	X509 *more = new_root("more"), *stays = new_root("stays");

	write_roots(3);
	write_cert(dir, "stays.pem", stays);
	trust = look();
	ck_assert_uint_eq(trust->count, 4);
	before = find(trust, stays);
	ck_assert_int_eq(X509_cmp(trust_cert(crypto, before), stays), 0);
	ck_assert_ptr_null(find(trust, more));
	trust_anchor_ref(before);
	trust_leave();
	write_cert(dir, "zzz.pem", more);
	trust = look();
	ck_assert_uint_eq(trust->count, 5);
	ck_assert_ptr_eq(find(trust, stays), before);
	trust_anchor_unref(crypto, before);
	before = find(trust, more);
	ck_assert_ptr_null(before->scopes);
	trust_anchor_ref(before);
	trust_leave();
	/* In another scope, it is another anchor of the same certificate. */
	scope_name(scope, sizeof(scope));
	write_cert(scope, "zzz.pem", more);
	fixture_file(dir, "zzz.pem", "", 0);
	trust = look();
	ck_assert_uint_eq(trust->count, 5);
	now = find(trust, more);
	ck_assert_ptr_ne(now, before);
	ck_assert_ptr_nonnull(now->scopes);
	/* A verification that began before still has what it began with. */
	ck_assert_ptr_null(before->scopes);
	ck_assert_int_eq(X509_cmp(trust_cert(crypto, before), more), 0);
	trust_leave();
	trust_anchor_unref(crypto, before);
	fixture_file(scope, "zzz.pem", "", 0);
	ck_assert_uint_eq(count_anchors(), 4);
	X509_free(more);
	X509_free(stays);
}
END_TEST

START_TEST(anchors_are_found_by_name)
{
	enum { SAME = 3 };
	X509 *same[SAME], *other = new_root("other");
	const struct trust *trust;
	size_t count;

	write_roots(100);
	for (size_t i = 0; i < SAME; i++) {
		char name[] = "same0.pem";

		name[4] = (char)('0' + i);
		same[i] = new_root("same");
		write_cert(dir, name, same[i]);
	}
	trust = look();
	for (size_t i = 0; i < trust->count; i++) {
		struct trust_anchor *const *found =
			trust_find(trust, trust->anchor[i]->name, &count);

		ck_assert(found <= &trust->anchor[i] && &trust->anchor[i] < found + count);
	}
	trust_find(trust, X509_get_subject_name(same[0]), &count);
	ck_assert_uint_eq(count, SAME);
	trust_find(trust, X509_get_subject_name(other), &count);
	ck_assert_uint_eq(count, 0);
	trust_leave();
	for (size_t i = 0; i < SAME; i++)
		X509_free(same[i]);
	X509_free(other);
}
END_TEST

/* The certificate comes and goes, and is decoded each time. */
static size_t memory_after(unsigned changes, X509 *one)
{
	struct crypto *crypto = linked_ssl()->crypto;

	for (unsigned i = 0; i < changes; i++) {
		const struct trust *trust;
		struct trust_anchor *anchor;

		if (i % 2 == 0)
			write_cert(dir, "zzz.pem", one);
		else
			fixture_file(dir, "zzz.pem", "", 0);
		trust = look();
		anchor = find(trust, one);
		ck_assert_int_eq(anchor != NULL, i % 2 == 0);
		if (anchor != NULL)
			ck_assert_ptr_nonnull(trust_cert(crypto, anchor));
		trust_leave();
	}
	return mallinfo2().uordblks;
}

START_TEST(changes_leave_nothing_behind)
{
	X509 *one = new_root("comes and goes");
	size_t before;

	write_roots(10);
	before = memory_after(1000, one);
	ck_assert_uint_le(memory_after(9000, one), before + 256 * 1024);
	X509_free(one);
}
END_TEST

/* How many lines say that a certificate cannot be read, but for that of the junk? */
static unsigned lines_of_unreadable(void)
{
	char path[4096], line[4096];
	unsigned count = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/log", dir);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		count += strstr(line, "OpenSSL can't read") != NULL && strstr(line, "junk") == NULL;
	if (file != NULL)
		fclose(file);
	return count;
}

/* Lines go to a file in the trust directory, whose name does not count there. */
static void log_to_file(char *path, size_t size)
{
	snprintf(path, size, "%s/log", dir);
	config.log_file = path;
	config.log_level = LOG_ERROR;
}

/* A root whose name has the form of none that is known to be readable. */
static X509 *new_odd_root(void)
{
	const struct cert_plan plan = {
		.cn = "odd", .key = new_key(), .extensions = ROOT_EXTENSIONS};
	X509 *root = new_cert(&plan);
	X509_NAME *name = X509_NAME_new();

	ck_assert(X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UNIVERSALSTRING,
					     (const unsigned char *)"\0\0\0o", 4, -1, 0));
	X509_set_subject_name(root, name);
	X509_set_issuer_name(root, name);
	ck_assert_int_gt(X509_sign(root, plan.key, EVP_sha256()), 0);
	X509_NAME_free(name);
	EVP_PKEY_free(plan.key);
	return root;
}

enum { STAYING = 5 };

static void expect_all(const struct trust *trust, X509 *const *staying, size_t at)
{
	for (size_t i = 0; i < STAYING; i++)
		ck_assert_msg(find(trust, staying[i]) != NULL, "allocation %zu, anchor %zu", at, i);
}

/*
 * Each allocation of an edition fails in which one comes and the other goes, and then the same the
 * other way round. Returns how many editions these were.
 */
static size_t fail_each_of_a_change(X509 *const *staying, X509 *const *comes_and_goes)
{
	struct crypto *crypto = linked_ssl()->crypto;
	size_t editions = 0, over = 0;

	while (over < 2) {
		X509 *comes = comes_and_goes[editions % 2];
		size_t at = editions / 2 + 1;
		const struct trust *trust;

		write_cert(dir, "zzz.pem", comes);
		ahead += 100;
		edition_refresh();
		allocation_has_failed = false;
		allocation_to_fail = at;
		trust = trust_enter(crypto);
		over = allocation_has_failed ? 0 : over + 1;
		allocation_to_fail = 0;
		expect_all(trust, staying, at);
		trust_leave();
		/* The same edition, without another look. */
		trust = trust_enter(crypto);
		expect_all(trust, staying, at);
		ck_assert_msg(find(trust, comes) != NULL, "allocation %zu", at);
		ck_assert_uint_eq(trust->count, STAYING + 1);
		trust_leave();
		editions++;
	}
	return editions;
}

START_TEST(failed_malloc_loses_no_anchor)
{
	X509 *staying[STAYING], *comes_and_goes[2] = {new_root("one"), new_odd_root()};
	unsigned char junk[TINY_CERT];
	char scope[4096], log[4096];
	size_t before, count;

	for (unsigned i = 0; i < STAYING; i++) {
		char name[] = "root0.pem";

		name[4] = (char)('0' + i);
		staying[i] = new_root(name);
		if (i == 0) {
			scope_name(scope, sizeof(scope));
			write_cert(scope, name, staying[i]);
		} else {
			write_cert(dir, name, staying[i]);
		}
	}
	tiny_cert(1, junk);
	fixture_file(dir, "junk.pem", junk, sizeof(junk));
	allocation_all_fail = _i == 1;
	log_to_file(log, sizeof(log));
	ck_assert_uint_eq(count_anchors(), STAYING);
	count = fail_each_of_a_change(staying, comes_and_goes);
	ck_assert_uint_gt(count, 20);
	before = mallinfo2().uordblks;
	fail_each_of_a_change(staying, comes_and_goes);
	ck_assert_uint_le(mallinfo2().uordblks, before + 4096);
	ck_assert_uint_eq(lines_of_unreadable(), 0);
	for (unsigned i = 0; i < STAYING; i++)
		X509_free(staying[i]);
	X509_free(comes_and_goes[0]);
	X509_free(comes_and_goes[1]);
}
END_TEST

/* A certificate that is decoded when memory is short is none the worse for it. */
START_TEST(failed_malloc_spoils_no_certificate)
{
	struct crypto *crypto = linked_ssl()->crypto;
	X509 *root[2] = {new_root("one"), new_root("two")};
	bool over = false;
	size_t at = 0;
	char log[4096];

	allocation_all_fail = _i == 1;
	log_to_file(log, sizeof(log));
	while (!over) {
		X509 *now = root[++at % 2], *cert;
		struct trust_anchor *anchor;

		write_cert(dir, "zzz.pem", now);
		anchor = find(look(), now);
		ck_assert_ptr_nonnull(anchor);
		allocation_has_failed = false;
		allocation_to_fail = at;
		(void)trust_cert(crypto, anchor);
		over = !allocation_has_failed;
		allocation_to_fail = 0;
		cert = trust_cert(crypto, anchor);
		ck_assert_msg(cert != NULL && X509_cmp(cert, now) == 0, "allocation %zu", at);
		ck_assert_msg(X509_get0_pubkey(cert) != NULL, "allocation %zu", at);
		ck_assert_msg(X509_check_trust(cert, X509_TRUST_SSL_SERVER, 0) ==
				      X509_TRUST_TRUSTED,
			      "allocation %zu", at);
		ck_assert_msg(X509_verify(cert, X509_get0_pubkey(now)) == 1, "allocation %zu", at);
		trust_leave();
	}
	ck_assert_uint_gt(at, 30);
	ck_assert_uint_eq(lines_of_unreadable(), 0);
	X509_free(root[0]);
	X509_free(root[1]);
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
		ck_assert_uint_eq(count_anchors(), 1);
		binding_work_end(crypto, inner);
		binding_work_end(crypto, scope);
	}
	ERR_pop_to_mark();
	expect_errors(ERRORS);
}
END_TEST

/* The locks of the dynamic linker are for the first call from each place. */
START_TEST(calls_from_one_place_ask_the_dynamic_linker_once)
{
	X509_STORE *store = X509_STORE_new();
	struct crypto *crypto = linked_ssl()->crypto;
	/* Of another object than this one, which is the shim here. */
	const void *caller = (const void *)(uintptr_t)&free;

	for (int i = 0; i < 100; i++) {
		ck_assert_ptr_eq(binding_crypto("X509_STORE_add_lookup", caller, store), crypto);
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
	TCase *tc = tcase_create("trust"), *slow = fixture_slow(suite);

	if (!CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free))
		return 1;
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_checked_fixture(slow, set_up, tear_down);
	tcase_set_timeout(tc, 280);
	tcase_add_test(tc, what_stays_is_the_same_anchor);
	tcase_add_test(tc, anchors_are_found_by_name);
	tcase_add_loop_test(tc, failed_malloc_loses_no_anchor, 0, 2);
	tcase_add_test(tc, errors_of_bad_certificates_push_none_out);
	tcase_add_test(tc, calls_from_one_place_ask_the_dynamic_linker_once);
	tcase_add_test(slow, changes_leave_nothing_behind);
	tcase_add_loop_test(slow, failed_malloc_spoils_no_certificate, 0, 2);
	suite_add_tcase(suite, tc);
	return fixture_run(suite);
}
