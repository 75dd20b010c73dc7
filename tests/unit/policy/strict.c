/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What CATRUST_STRICT=relax forgives: of all errors of OpenSSL 1.1.1 to 4.0 exactly those of the
 * form, and none that OpenSSL finds without X509_V_FLAG_X509_STRICT as well.
 */
#include "policy/strict.h"

#include "fixture.h"
#include "linked_openssl.h"
#include "process/config.h"

#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

/*
 * All that X509_V_FLAG_X509_STRICT finds in check_extensions() and check_purpose() of
 * crypto/x509/x509_vfy.c, from 3.0 to 4.0 (1.1.1 has 24, 26, 79, 94 only), and why some of it is
 * not forgiven. By number: the names of the later ones are not in every header.
 */
static const struct {
	int error;
	bool forgiven;
} found_by_strict[] = {
	{26, false}, /* purpose */
	{78, false}, /* the algorithm within the signature is another one than outside */
	{79, false}, /* no CA */
	{80, true},  {81, true},  {82, false}, /* no CA may sign certificates */
	{83, false},			       /* nobody's */
	{84, false},			       /* nobody's */
	{85, true},  {86, true},  {87, false}, /* nobody's */
	{88, true},  {89, true},  {90, true},  {91, true},
	{92, true},  {93, true},  {94, false}, /* a curve of somebody's own; in 1.1.1 */
	{102, true}, {103, true},
};

enum { ERRORS_END = 256 };

START_TEST(each_error)
{
	bool forgiven = false;

	for (size_t i = 0; i < LENGTH(found_by_strict); i++)
		forgiven |= found_by_strict[i].error == _i && found_by_strict[i].forgiven;
	ck_assert_msg(strict_forgives(_i) == forgiven, "%d %s", _i,
		      X509_verify_cert_error_string(_i));
}
END_TEST

START_TEST(no_error_at_all)
{
	ck_assert(!strict_forgives(X509_V_OK));
	ck_assert(!strict_forgives(-1));
	ck_assert(!strict_forgives(-85));
	ck_assert(!strict_forgives(85 + 256));
}
END_TEST

/* A chain of a root and a leaf. Where a part is not said, it is without fault. */
#define ROOT_WITHOUT_IDS "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
#define ROOT_WITHOUT_BC "keyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n"
#define LEAF_WITHOUT_BC                                                                            \
	"keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"                        \
	"authorityKeyIdentifier=keyid\nsubjectAltName=DNS:www.corp.example\n"
#define LEAF_WITHOUT_IDS                                                                           \
	"basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"                 \
	"extendedKeyUsage=serverAuth\n"
#define LEAF_WITHOUT_AKI LEAF_WITHOUT_IDS "authorityKeyIdentifier="
#define LEAF_WITHOUT_SAN LEAF_WITHOUT_AKI "keyid\n"
#define SAN "subjectAltName=DNS:www.corp.example\n"

static const struct {
	const char *root, *leaf;
	const char *root_cn, *leaf_cn; /* "": an empty subject */
	unsigned long since, until;    /* versions of OpenSSL that look for it; 0: from 3.0 on */
	int error;		       /* that the strict mode finds, and nothing else does */
	bool version_1_root, version_1_leaf;
} flawed[] = {
	{.error = 80, .leaf = "basicConstraints=critical,CA:FALSE,pathlen:0\n" LEAF_WITHOUT_BC},
	{.error = 81, .leaf = "basicConstraints=critical,CA:TRUE,pathlen:0\n" LEAF_WITHOUT_BC},
	{.error = 85, .leaf = LEAF_WITHOUT_IDS SAN},
	{.error = 86,
	 .root = ROOT_WITHOUT_IDS,
	 .leaf = LEAF_WITHOUT_AKI "DER:3006800401020304\n" SAN},
	{.error = 88, .leaf = LEAF_WITHOUT_SAN SAN, .leaf_cn = "", .until = 0x40000000},
	{.error = 89, .root = "basicConstraints=CA:TRUE\n" ROOT_WITHOUT_BC, .until = 0x40000000},
	/* 90 and 91 can't be had: of critical key identifiers, OpenSSL finds 34 and no more. */
	{.error = 92, .root = "basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n"},
	{.error = 93, .version_1_leaf = true},
	{.error = 102, .leaf = LEAF_WITHOUT_AKI "DER:3000\n" SAN, .since = 0x40000000},
	{.error = 103, .leaf = LEAF_WITHOUT_AKI "DER:3003820101\n" SAN, .since = 0x40000000},
	/* Found, and never forgiven. */
	{.error = 79,
	 .root = "",
	 .leaf = LEAF_WITHOUT_AKI "DER:3006800401020304\n" SAN,
	 .version_1_root = true},
	{.error = 82,
	 .leaf = "basicConstraints=critical,CA:FALSE\n"
		 "keyUsage=critical,digitalSignature,keyCertSign\n"
		 "extendedKeyUsage=serverAuth\nauthorityKeyIdentifier=keyid\n" SAN},
	{.error = 83, .root_cn = ""},
	{.error = 84, .leaf = LEAF_WITHOUT_SAN, .leaf_cn = ""},
	{.error = 87, .leaf = LEAF_WITHOUT_SAN "subjectAltName=DER:3000\n"},
};

static bool seen[ERRORS_END];

static int note_error(int ok, X509_STORE_CTX *ctx)
{
	int error = X509_STORE_CTX_get_error(ctx);

	if (!ok && error > 0 && error < ERRORS_END)
		seen[error] = true;
	return 1;
}

/* OpenSSL's own word for a chain: every error that it finds. */
static void find_errors(X509_STORE *store, X509 *leaf, unsigned long flags)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	memset(seen, 0, sizeof(seen));
	ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, leaf, NULL), 1);
	X509_STORE_CTX_set_default(ctx, "ssl_server");
	X509_STORE_CTX_set_flags(ctx, flags);
	X509_STORE_CTX_set_verify_cb(ctx, note_error);
	X509_verify_cert(ctx);
	X509_STORE_CTX_free(ctx);
}

static bool is_looked_for(size_t i)
{
	unsigned long version = OpenSSL_version_num();

	return version >= 0x30000000 && version >= flawed[i].since &&
	       (flawed[i].until == 0 || version < flawed[i].until);
}

static char *dir;

static void set_up(void)
{
	dir = fixture_dir();
	trust_only(dir);
}

static void tear_down(void)
{
	fixture_remove(dir);
}

/* As the shim has it: an anchor in the trust directory. */
static int error_under_shim(X509 *leaf, unsigned long flags, bool relax)
{
	X509_STORE *store = X509_STORE_new();
	struct verdict got;

	config.set = relax ? SET_RELAX : 0;
	got = verify_as(&(struct attempt){.store = store, .leaf = leaf, .flags = flags});
	X509_STORE_free(store);
	return got.error;
}

static const char *name_of(const char *given, const char *usual)
{
	if (given == NULL)
		return usual;
	return given[0] == '\0' ? NULL : given;
}

START_TEST(each_flaw)
{
	EVP_PKEY *root_key = new_key(), *leaf_key = new_key();
	X509 *root = new_cert(&(struct cert_plan){
		.cn = name_of(flawed[_i].root_cn, "root"),
		.key = root_key,
		.extensions = flawed[_i].root == NULL ? ROOT_EXTENSIONS : flawed[_i].root,
		.version_1 = flawed[_i].version_1_root});
	X509 *leaf = new_cert(&(struct cert_plan){
		.cn = name_of(flawed[_i].leaf_cn, "leaf"),
		.key = leaf_key,
		.issuer = root,
		.issuer_key = root_key,
		.extensions = flawed[_i].leaf == NULL ? LEAF_EXTENSIONS SAN : flawed[_i].leaf,
		.version_1 = flawed[_i].version_1_leaf});
	bool forgiven = strict_forgives(flawed[_i].error), found = false;
	X509_STORE *store = X509_STORE_new();

	X509_STORE_add_cert(store, root);
	write_cert(dir, "root.pem", root);
	find_errors(store, leaf, 0);
	for (int error = 0; error < ERRORS_END; error++)
		ck_assert_msg(!seen[error], "%d without the strict mode", error);
	find_errors(store, leaf, X509_V_FLAG_X509_STRICT);
	for (int error = 0; error < ERRORS_END; error++) {
		found |= seen[error];
		/* Nothing beside it that the other list would have. */
		ck_assert_msg(!seen[error] || error == flawed[_i].error ||
				      strict_forgives(error) == forgiven,
			      "%d", error);
	}
	ck_assert_msg(!is_looked_for((size_t)_i) || seen[flawed[_i].error], "%d is not found",
		      flawed[_i].error);
	/* And so says the shim. */
	ck_assert_int_eq(error_under_shim(leaf, 0, true), X509_V_OK);
	if (found) {
		ck_assert_int_ne(error_under_shim(leaf, X509_V_FLAG_X509_STRICT, false), X509_V_OK);
		ck_assert_int_eq(error_under_shim(leaf, X509_V_FLAG_X509_STRICT, true) == X509_V_OK,
				 forgiven);
	}
	X509_STORE_free(store);
	X509_free(leaf);
	X509_free(root);
	EVP_PKEY_free(leaf_key);
	EVP_PKEY_free(root_key);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("strict");
	TCase *tc = tcase_create("strict");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, each_error, 0, ERRORS_END);
	tcase_add_test(tc, no_error_at_all);
	tcase_add_loop_test(tc, each_flaw, 0, (int)LENGTH(flawed));
	suite_add_tcase(suite, tc);
	return fixture_run(suite);
}
