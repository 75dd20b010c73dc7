/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of OpenSSL that lack a function. */
#include "linked_openssl.h"

#include "fixture.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const struct row {
	enum use use;
	bool of_ssl;
	const char *name;
} rows[] = {
#define OPENSSL_CRYPTO(use, name) {use, false, #name},
#define OPENSSL_SSL(use, name) {use, true, #name},
#include "openssl/openssl.def"
};
enum { ROWS = sizeof(rows) / sizeof(*rows) };

static const char *hidden;

void *__real_dl_symbol(void *handle, const char *name);
void *__wrap_dl_symbol(void *handle, const char *name);
void *__wrap_dl_symbol(void *handle, const char *name)
{
	return hidden != NULL && strcmp(hidden, name) == 0 ? NULL : __real_dl_symbol(handle, name);
}

static struct ssl *bound(void)
{
	return binding_ssl("SSL_CTX_new", NULL, NULL, TLS_method());
}

START_TEST(one_function_is_not_there)
{
	const struct row *row = &rows[_i];
	int lacked = row->use == OPTIONAL ? 0 : (int)row->use;
	struct ssl *s;

	hidden = row->name;
	s = bound();
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(s->crypto->lacks, row->of_ssl ? 0 : lacked);
	ck_assert_int_eq(s->lacks, row->of_ssl ? lacked : 0);
	ck_assert_int_eq(s->crypto->usable, row->of_ssl || row->use != LENDING);
	ck_assert_int_eq(s->usable, row->use != LENDING);
	/* What the program calls itself is there all the same. */
	ck_assert_ptr_nonnull((void *)(uintptr_t)s->real.SSL_CTX_new);
	ck_assert_ptr_nonnull((void *)(uintptr_t)s->crypto->real.X509_verify_cert);
}
END_TEST

START_TEST(all_are_there)
{
	struct ssl *s = bound();

	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(s->lacks | s->crypto->lacks, 0);
	ck_assert(s->usable && s->crypto->usable);
}
END_TEST

START_TEST(switched_off)
{
	static const struct crypto empty;
	struct ssl *s;

	config.set |= SET_OFF;
	s = bound();
	ck_assert_ptr_nonnull(s);
	ck_assert(!s->usable && !s->crypto->usable);
	ck_assert_mem_eq(&s->crypto->api, &empty.api, sizeof(empty.api));
	ck_assert_ptr_nonnull((void *)(uintptr_t)s->real.SSL_CTX_new);
	ck_assert_ptr_nonnull((void *)(uintptr_t)s->crypto->real.X509_verify_cert);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("binding");
	TCase *functions = tcase_create("functions");

	tcase_add_test(functions, all_are_there);
	tcase_add_loop_test(functions, one_function_is_not_there, 0, ROWS);
	tcase_add_test(functions, switched_off);
	suite_add_tcase(suite, functions);
	return fixture_run(suite);
}
