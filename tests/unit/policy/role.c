/* SPDX-License-Identifier: Apache-2.0 */
/* Role x method: who is lent the anchors, and for whom they count. */
#include "policy/policy.h"

#include "fixture.h"
#include "linked_openssl.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

static const struct {
	const char *name;
	const SSL_METHOD *(*method)(void);
	bool client; /* and nothing else */
} methods[] = {
	{"TLS", TLS_method, false},
	{"TLS client", TLS_client_method, true},
	{"TLS server", TLS_server_method, false},
	{"TLS 1.2", TLSv1_2_method, false},
	{"TLS 1.2 client", TLSv1_2_client_method, true},
	{"TLS 1.2 server", TLSv1_2_server_method, false},
	{"DTLS", DTLS_method, false},
	{"DTLS client", DTLS_client_method, true},
	{"DTLS server", DTLS_server_method, false},
	{"DTLS 1.2 client", DTLSv1_2_client_method, true},
	{"DTLS 1.2 server", DTLSv1_2_server_method, false},
};

static char *dir;
static EVP_PKEY *key;
static X509 *root, *server, *client;

static X509 *leaf_for(const char *cn, const char *purpose)
{
	char extensions[512];

	snprintf(extensions, sizeof(extensions),
		 "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
		 "authorityKeyIdentifier=keyid\nextendedKeyUsage=%s\n",
		 purpose);
	return new_cert(&(struct cert_plan){
		.cn = cn, .key = key, .issuer = root, .issuer_key = key, .extensions = extensions});
}

static void set_up(void)
{
	dir = fixture_dir();
	trust_only(dir);
	key = new_key();
	root = new_cert(
		&(struct cert_plan){.cn = "root", .key = key, .extensions = ROOT_EXTENSIONS});
	server = leaf_for("server", "serverAuth");
	client = leaf_for("client", "clientAuth");
}

static void tear_down(void)
{
	X509_free(client);
	X509_free(server);
	X509_free(root);
	EVP_PKEY_free(key);
	fixture_remove(dir);
}

START_TEST(contexts_that_are_clients_by_themselves)
{
	struct ssl *ssl = linked_ssl();
	const SSL_METHOD *method = methods[_i].method();

	ck_assert_msg(binding_is_client_method(ssl, method) == methods[_i].client, "%s",
		      methods[_i].name);
}
END_TEST

/* Does the store know the root beforehand, and from whom? */
enum before { NOTHING, FROM_CLIENT, FROM_PROGRAM };

static const struct {
	enum role role;
	enum before before;
	int error;
	bool of_client; /* the certificate: a client's, or a server's */
	bool lent;
} cases[] = {
	/* A client verifies servers by the anchors, and nobody else does. */
	{ROLE_CLIENT, NOTHING, X509_V_OK, false, true},
	{ROLE_CLIENT, NOTHING, X509_V_ERR_INVALID_PURPOSE, true, true},
	{ROLE_CLIENT, FROM_CLIENT, X509_V_OK, false, true},
	{ROLE_CLIENT, FROM_PROGRAM, X509_V_OK, false, false},
	{ROLE_SERVER, NOTHING, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, true, false},
	{ROLE_SERVER, NOTHING, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, false, false},
	{ROLE_SERVER, FROM_CLIENT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, true, false},
	{ROLE_SERVER, FROM_CLIENT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, false, false},
	{ROLE_NONE, NOTHING, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, false, false},
	{ROLE_NONE, NOTHING, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, true, false},
	{ROLE_NONE, FROM_CLIENT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, false, false},
	{ROLE_NONE, FROM_CLIENT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, true, false},
	/* What the program trusts itself, it goes on trusting. */
	{ROLE_SERVER, FROM_PROGRAM, X509_V_OK, true, false},
	{ROLE_SERVER, FROM_PROGRAM, X509_V_ERR_INVALID_PURPOSE, false, false},
	{ROLE_NONE, FROM_PROGRAM, X509_V_OK, false, false},
	{ROLE_NONE, FROM_PROGRAM, X509_V_OK, true, false},
};

START_TEST(who_verifies)
{
	X509_STORE *store = X509_STORE_new();
	struct attempt attempt = {.role = ROLE_CLIENT, .store = store, .leaf = server};
	struct verdict got;

	if (cases[_i].before == FROM_PROGRAM)
		ck_assert_int_eq(X509_STORE_add_cert(store, root), 1);
	write_cert(dir, "root.pem", root);
	if (cases[_i].before == FROM_CLIENT)
		ck_assert_int_eq(verify_as(&attempt).ret, 1);
	attempt.role = cases[_i].role;
	attempt.leaf = cases[_i].of_client ? client : server;
	got = verify_as(&attempt);
	ck_assert_msg(got.error == cases[_i].error, "%d: %s", got.error, got.text);
	ck_assert_int_eq(got.ret == 1, got.error == X509_V_OK);
	ck_assert_int_eq(got.lent, cases[_i].lent);
	ck_assert_int_eq(got.in_store, cases[_i].before == FROM_PROGRAM);
	X509_STORE_free(store);
}
END_TEST

/*
 * A store that was a client's, and serves clients now, whose certificates the program's own root
 * vouches for through an intermediate. Letters are certificates: root, its renewal "again" with the
 * same name and key, the intermediate sub, and the client's own, which the intermediate issued.
 */
static const struct {
	const char *anchors, *own, *sent;
	bool own_first; /* loaded before the use as a client */
	bool in;
} shared[] = {
	{"s", "r", "s", true, true},   {"s", "r", "", true, false},   {"s", "r", "s", false, true},
	{"rs", "a", "s", true, true},  {"rs", "a", "s", false, true}, {"r", "a", "s", true, true},
	{"r", "a", "s", false, true},  {"s", "rs", "", true, true},   {"a", "r", "s", false, true},
	{"rsa", "", "s", true, false}, {"rs", "", "sr", true, false}, {"s", "", "s", true, false},
	{"c", "", "s", true, false},   {"cs", "", "sr", true, false}, {"c", "r", "s", true, true},
	{"s", "s", "", true, false}, /* no root: only in partial chains */
};

START_TEST(server_that_was_a_client)
{
	X509 *again = new_cert(
		&(struct cert_plan){.cn = "root", .key = key, .extensions = ROOT_EXTENSIONS});
	X509 *sub = new_cert(&(struct cert_plan){.cn = "sub",
						 .key = key,
						 .issuer = root,
						 .issuer_key = key,
						 .extensions = ROOT_EXTENSIONS});
	STACK_OF(X509) *sent = sk_X509_new_null();
	X509_STORE *store = X509_STORE_new();
	char name[] = "x.pem";
	X509 *leaf = new_cert(&(struct cert_plan){.cn = "client",
						  .key = key,
						  .issuer = sub,
						  .issuer_key = key,
						  .extensions = "extendedKeyUsage=clientAuth\n"});
	X509 *const all[] = {['r'] = root, ['a'] = again, ['s'] = sub, ['c'] = leaf};
	struct verdict got;

	for (const char *at = shared[_i].anchors; *at != '\0'; at++) {
		name[0] = *at;
		write_cert(dir, name, all[(unsigned char)*at]);
	}
	for (const char *at = shared[_i].sent; *at != '\0'; at++)
		sk_X509_push(sent, all[(unsigned char)*at]);
	for (int late = 0; late < 2; late++) {
		for (const char *at = shared[_i].own; late != shared[_i].own_first && *at != '\0';
		     at++)
			ck_assert_int_eq(X509_STORE_add_cert(store, all[(unsigned char)*at]), 1);
		if (late == 0)
			verify_as(&(struct attempt){.store = store, .leaf = server});
	}
	for (int role = ROLE_SERVER; role <= ROLE_NONE; role++) {
		struct attempt attempt = {
			.role = (enum role)role, .store = store, .leaf = leaf, .untrusted = sent};

		got = verify_as(&attempt);
		ck_assert_msg((got.ret == 1) == shared[_i].in, "%d: %s", got.error, got.text);
		ck_assert_int_ne(got.error, X509_V_ERR_CERT_REJECTED);
		attempt.flags = X509_V_FLAG_PARTIAL_CHAIN;
		ck_assert_int_eq(verify_as(&attempt).ret == 1,
				 shared[_i].own[0] != '\0' &&
					 (shared[_i].in || shared[_i].own[0] == 's'));
	}
	X509_STORE_free(store);
	sk_X509_free(sent);
	X509_free(leaf);
	X509_free(sub);
	X509_free(again);
}
END_TEST

/* A program that has limited a verification to certificates of its own choice. */
START_TEST(server_with_a_choice_of_its_own)
{
	STACK_OF(X509) *own = sk_X509_new_null();
	X509_STORE *store = X509_STORE_new();
	struct attempt attempt = {.role = ROLE_SERVER, .store = store, .leaf = client};

	write_cert(dir, "root.pem", root);
	ck_assert_int_eq(verify_as(&(struct attempt){.store = store, .leaf = server}).ret, 1);
	attempt.trusted = own;
	ck_assert_int_eq(verify_as(&attempt).ret, 0);
	sk_X509_push(own, root);
	ck_assert_int_eq(verify_as(&attempt).ret, 1);
	sk_X509_free(own);
	X509_STORE_free(store);
}
END_TEST

/* Takes away every function that a copy of OpenSSL has for one purpose. */
static void lose(struct ssl *s, enum use lost)
{
#define OPENSSL_CRYPTO(use, name)                                                                  \
	if (use == lost)                                                                           \
		s->crypto->api.name = NULL;
#define OPENSSL_SSL(use, name)                                                                     \
	if (use == lost)                                                                           \
		s->api.name = NULL;
#include "openssl/openssl.def"
	s->crypto->lacks |= (unsigned char)lost;
	s->lacks |= (unsigned char)lost;
}

static void expect(int error, bool lent)
{
	X509_STORE *store = X509_STORE_new();
	struct verdict got = verify_as(&(struct attempt){.store = store, .leaf = server});

	ck_assert_msg(got.error == error, "%d: %s", got.error, got.text);
	ck_assert_int_eq(got.lent, lent);
	X509_STORE_free(store);
}

static const struct {
	bool is_scoped, is_lost;
	int error;
	bool lent;
} scoped[] = {
	{true, false, X509_V_ERR_PERMITTED_VIOLATION, true},
	{true, true, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, false},
	{false, true, X509_V_OK, true},
};

START_TEST(openssl_that_cannot_check_scopes)
{
	char scope[PATH_MAX];

	snprintf(scope, sizeof(scope), "%s/corp.example", dir);
	ck_assert_int_eq(mkdir(scope, 0755), 0);
	write_cert(scoped[_i].is_scoped ? scope : dir, "root.pem", root);
	if (scoped[_i].is_lost)
		lose(linked_ssl(), SCOPES);
	expect(scoped[_i].error, scoped[_i].lent);
}
END_TEST

START_TEST(openssl_that_cannot_tell_public_bundles)
{
	write_cert(dir, "root.pem", root);
	lose(linked_ssl(), PUBLIC);
	expect(X509_V_OK, true);
	config.set |= SET_PUBLIC_ONLY;
	expect(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, false);
}
END_TEST

START_TEST(openssl_that_cannot_name_servers)
{
	config.log_level = LOG_INFO;
	write_cert(dir, "root.pem", root);
	lose(linked_ssl(), MESSAGES);
	expect(X509_V_OK, true);
	X509_free(server);
	server = leaf_for("server", "clientAuth");
	expect(X509_V_ERR_INVALID_PURPOSE, true);
}
END_TEST

START_TEST(without_a_trust_directory)
{
	X509_STORE *store = X509_STORE_new();
	struct verdict got = verify_as(&(struct attempt){.store = store, .leaf = server});

	ck_assert_int_eq(got.error, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
	ck_assert_int_eq(got.in_store, 0);
	X509_STORE_free(store);
}
END_TEST

/* Appliances have certificates of one subject. */
START_TEST(two_pins_of_one_name)
{
	EVP_PKEY *keys[2] = {new_key(), new_key()};
	X509_STORE *store = X509_STORE_new();
	X509 *pin[2];

	for (int i = 0; i < 2; i++) {
		char name[] = "pin0.pem";

		name[3] = (char)('0' + i);
		pin[i] = new_cert(
			&(struct cert_plan){.cn = "localhost",
					    .key = keys[i],
					    .extensions = "subjectAltName=DNS:localhost\n"});
		write_cert(dir, name, pin[i]);
	}
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(verify_as(&(struct attempt){.store = store, .leaf = pin[i]}).error,
				 X509_V_OK);
		ck_assert_int_eq(verify_as(&(struct attempt){.store = store,
							     .leaf = pin[i],
							     .flags = X509_V_FLAG_PARTIAL_CHAIN})
					 .error,
				 X509_V_OK);
	}
	for (int i = 0; i < 2; i++) {
		X509_free(pin[i]);
		EVP_PKEY_free(keys[i]);
	}
	X509_STORE_free(store);
}
END_TEST

/* An anchor that has only the name of the issuer changes no error. */
START_TEST(anchor_of_the_issuers_name_with_another_key)
{
	EVP_PKEY *other_key = new_key();
	X509 *other =
		new_cert(&(struct cert_plan){.cn = "root",
					     .key = other_key,
					     .extensions = "basicConstraints=critical,CA:TRUE\n"});
	X509 *leaf = new_cert(&(struct cert_plan){.cn = "server",
						  .key = key,
						  .issuer = root,
						  .issuer_key = key,
						  .extensions = "extendedKeyUsage=serverAuth\n"});
	X509_STORE *store = X509_STORE_new();
	struct verdict got;

	write_cert(dir, "other.pem", other);
	got = verify_as(&(struct attempt){.store = store, .leaf = leaf});
	ck_assert_int_eq(got.error, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
	ck_assert(!got.lent);
	X509_STORE_free(store);
	X509_free(leaf);
	X509_free(other);
	EVP_PKEY_free(other_key);
}
END_TEST

/* What the strict mode alone finds and CATRUST_STRICT=relax does not forgive, in an anchor. */
START_TEST(relax_keeps_what_it_does_not_forgive)
{
	static const unsigned char sha256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
	X509_STORE *store = X509_STORE_new();
	unsigned char *der = NULL, *inner;
	const unsigned char *at;
	int len = i2d_X509(root, &der);
	X509 *odd;

	/* The algorithm in what is signed, not that of the signature. */
	inner = memmem(der, (size_t)len, sha256, sizeof(sha256));
	ck_assert_ptr_nonnull(inner);
	inner[sizeof(sha256) - 1] = 0x03;
	at = der;
	odd = d2i_X509(NULL, &at, len);
	ck_assert_ptr_nonnull(odd);
	write_cert(dir, "odd.pem", odd);
	config.set |= SET_RELAX;
	ck_assert_int_eq(verify_as(&(struct attempt){.store = store, .leaf = server}).error,
			 X509_V_OK);
	ck_assert_int_eq(verify_as(&(struct attempt){.store = store,
						     .leaf = server,
						     .flags = X509_V_FLAG_X509_STRICT})
				 .error,
			 X509_V_ERR_SIGNATURE_ALGORITHM_INCONSISTENCY);
	config.set &= ~(unsigned)SET_RELAX;
	X509_free(odd);
	OPENSSL_free(der);
	X509_STORE_free(store);
}
END_TEST

START_TEST(expired_anchors_are_none)
{
	X509 *old = new_cert(&(struct cert_plan){
		.cn = "root", .key = key, .extensions = ROOT_EXTENSIONS, .expired = true});
	X509_STORE *store = X509_STORE_new();
	struct verdict got;

	write_cert(dir, "old.pem", old);
	got = verify_as(&(struct attempt){.store = store, .leaf = server});
	ck_assert_int_eq(got.error, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
	ck_assert(!got.lent);
	X509_STORE_free(store);
	X509_free(old);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("role");
	TCase *tc = tcase_create("role");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, contexts_that_are_clients_by_themselves, 0, (int)LENGTH(methods));
	tcase_add_loop_test(tc, who_verifies, 0, (int)LENGTH(cases));
	tcase_add_loop_test(tc, server_that_was_a_client, 0, (int)LENGTH(shared));
	tcase_add_test(tc, server_with_a_choice_of_its_own);
	tcase_add_loop_test(tc, openssl_that_cannot_check_scopes, 0, (int)LENGTH(scoped));
	tcase_add_test(tc, openssl_that_cannot_tell_public_bundles);
	tcase_add_test(tc, openssl_that_cannot_name_servers);
	tcase_add_test(tc, without_a_trust_directory);
	tcase_add_test(tc, two_pins_of_one_name);
	tcase_add_test(tc, anchor_of_the_issuers_name_with_another_key);
	tcase_add_test(tc, relax_keeps_what_it_does_not_forgive);
	tcase_add_test(tc, expired_anchors_are_none);
	suite_add_tcase(suite, tc);
	return fixture_run(suite);
}
