/* SPDX-License-Identifier: Apache-2.0 */
/* From what a server sends to a chain in order, and the certificate that stands for it. */
#include "certs/chain.h"

#include "certs/make.h"

#include <stdlib.h>

enum { KEYS = 4 };

static EVP_PKEY *key[KEYS];
static X509 *root, *sub, *leaf;
static STACK_OF(X509) * sent, *known;
static struct chain chain;

static void setup(void)
{
	for (int i = 0; i < KEYS; i++)
		key[i] = EVP_EC_gen("P-256");
	root = cert_new(&(struct cert_spec){.name = "root", .key = key[0]});
	sub = cert_new(&(struct cert_spec){
		.name = "sub", .issuer = "root", .key = key[1], .signer = key[0]});
	leaf = cert_new(&(struct cert_spec){.name = "leaf",
					    .issuer = "sub",
					    .key = key[2],
					    .signer = key[1],
					    .constraints = "CA:FALSE",
					    .usage = "digitalSignature"});
	sent = sk_X509_new_null();
	known = sk_X509_new_null();
}

static void teardown(void)
{
	chain_clear(&chain);
	sk_X509_free(sent);
	sk_X509_free(known);
	X509_free(root);
	X509_free(sub);
	X509_free(leaf);
	for (int i = 0; i < KEYS; i++)
		EVP_PKEY_free(key[i]);
}

/* The path, by the first letters of the names: "lsr". */
static const char *path(void)
{
	static char text[CHAIN_MAX_DEPTH + 1];
	int i;

	for (i = 0; i < sk_X509_num(chain.path); i++) {
		char name[8] = "";

		X509_NAME_get_text_by_NID(X509_get_subject_name(sk_X509_value(chain.path, i)),
					  NID_commonName, name, sizeof(name));
		text[i] = name[0];
	}
	text[i] = '\0';
	return text;
}

static enum chain_top build(X509 **top)
{
	X509 *ignored;

	ck_assert_int_eq(chain_build(sent, known, &chain), 0);
	return chain_top(&chain, top == NULL ? &ignored : top);
}

START_TEST(test_in_order)
{
	X509 *top;

	sk_X509_push(sent, leaf);
	sk_X509_push(sent, sub);
	sk_X509_push(sent, root);
	ck_assert_int_eq(build(&top), CHAIN_ROOT);
	ck_assert_str_eq(path(), "lsr");
	ck_assert_ptr_eq(top, root);
	ck_assert_int_eq(sk_X509_num(chain.extra), 0);
}
END_TEST

START_TEST(test_out_of_order)
{
	sk_X509_push(sent, leaf);
	sk_X509_push(sent, root);
	sk_X509_push(sent, sub);
	sk_X509_push(sent, root);
	ck_assert_int_eq(build(NULL), CHAIN_ROOT);
	ck_assert_str_eq(path(), "lsr");
	ck_assert_int_eq(sk_X509_num(chain.extra), 0);
}
END_TEST

START_TEST(test_no_root)
{
	X509 *top;

	sk_X509_push(sent, leaf);
	sk_X509_push(sent, sub);
	ck_assert_int_eq(build(&top), CHAIN_INTERMEDIATE);
	ck_assert_str_eq(path(), "ls");
	ck_assert_ptr_eq(top, sub);
}
END_TEST

START_TEST(test_known_root)
{
	X509 *top;

	sk_X509_push(sent, leaf);
	sk_X509_push(sent, sub);
	sk_X509_push(known, root);
	ck_assert_int_eq(build(&top), CHAIN_ROOT);
	ck_assert_str_eq(path(), "lsr");
	ck_assert_ptr_eq(top, root);
	ck_assert(!chain_contains(sent, top));
}
END_TEST

START_TEST(test_nothing_but_leaf)
{
	sk_X509_push(sent, leaf);
	sk_X509_push(sent, root);
	ck_assert_int_eq(build(NULL), CHAIN_NONE);
	ck_assert_str_eq(path(), "l");
	ck_assert_int_eq(sk_X509_num(chain.extra), 1);
}
END_TEST

START_TEST(test_same_name_other_key)
{
	X509 *other =
		cert_new(&(struct cert_spec){.name = "root", .key = key[3], .no_key_id = true});

	/* The name fits, the signature does not. */
	sk_X509_push(sent, leaf);
	sk_X509_push(sent, sub);
	sk_X509_push(sent, other);
	ck_assert_int_eq(build(NULL), CHAIN_INTERMEDIATE);
	ck_assert_str_eq(path(), "ls");
	ck_assert_int_eq(sk_X509_num(chain.extra), 1);
	chain_clear(&chain);
	sk_X509_push(known, root);
	ck_assert_int_eq(build(NULL), CHAIN_ROOT);
	X509_free(other);
}
END_TEST

START_TEST(test_cross_signed)
{
	X509 *cross = cert_new(&(struct cert_spec){
		.name = "root", .issuer = "world", .key = key[0], .signer = key[3]});
	X509 *top;

	sk_X509_push(sent, leaf);
	sk_X509_push(sent, sub);
	sk_X509_push(sent, cross);
	ck_assert_int_eq(build(NULL), CHAIN_INTERMEDIATE);
	ck_assert_str_eq(path(), "lsr");
	chain_clear(&chain);
	/* Both: the self-signed one wins. */
	sk_X509_push(sent, root);
	ck_assert_int_eq(build(&top), CHAIN_ROOT);
	ck_assert_ptr_eq(top, root);
	X509_free(cross);
}
END_TEST

START_TEST(test_loop)
{
	X509 *a = cert_new(
		&(struct cert_spec){.name = "a", .issuer = "b", .key = key[0], .signer = key[1]});
	X509 *b = cert_new(
		&(struct cert_spec){.name = "b", .issuer = "a", .key = key[1], .signer = key[0]});

	sk_X509_push(sent, a);
	sk_X509_push(sent, b);
	ck_assert_int_eq(build(NULL), CHAIN_INTERMEDIATE);
	ck_assert_str_eq(path(), "ab");
	X509_free(a);
	X509_free(b);
}
END_TEST

START_TEST(test_self_signed)
{
	X509 *own = cert_new(&(struct cert_spec){.name = "own",
						 .key = key[2],
						 .constraints = "CA:FALSE",
						 .usage = "digitalSignature"});
	X509 *top;

	sk_X509_push(sent, own);
	ck_assert_int_eq(build(&top), CHAIN_OWN);
	ck_assert_ptr_eq(top, own);
	chain_clear(&chain);
	sk_X509_set(sent, 0, root);
	ck_assert_int_eq(build(&top), CHAIN_OWN_CA);
	X509_free(own);
}
END_TEST

START_TEST(test_issuer_that_is_no_ca)
{
	X509 *pseudo = cert_new(&(struct cert_spec){.name = "pseudo",
						    .key = key[3],
						    .constraints = "CA:FALSE",
						    .usage = "digitalSignature"});
	X509 *below = cert_new(&(struct cert_spec){.name = "leaf",
						   .issuer = "pseudo",
						   .key = key[2],
						   .signer = key[3],
						   .constraints = "CA:FALSE"});
	X509 *top;

	/* Found all the same, for the user to be told. */
	sk_X509_push(sent, below);
	sk_X509_push(sent, pseudo);
	ck_assert_int_eq(build(&top), CHAIN_ROOT);
	ck_assert_ptr_eq(top, pseudo);
	X509_free(pseudo);
	X509_free(below);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain");
	TCase *tests = tcase_create("chain");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_in_order);
	tcase_add_test(tests, test_out_of_order);
	tcase_add_test(tests, test_no_root);
	tcase_add_test(tests, test_known_root);
	tcase_add_test(tests, test_nothing_but_leaf);
	tcase_add_test(tests, test_same_name_other_key);
	tcase_add_test(tests, test_cross_signed);
	tcase_add_test(tests, test_loop);
	tcase_add_test(tests, test_self_signed);
	tcase_add_test(tests, test_issuer_that_is_no_ca);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
