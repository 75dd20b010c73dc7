/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads files of certificates in every way that OpenSSL has, and says all that a program can see of
 * it: see share.py. For any OpenSSL from 1.1.1 on, so the prototypes are by hand.
 *
 * usage: share WHAT ARGUMENT...
 *
 * same FILE...: a transcript of all ways and all states of the queue of errors
 *
 * verify CHAIN KEY OTHER FILE...: handshakes with a server of that chain, between loads
 *
 * connect CHAIN KEY FILE COUNT THREADS: threads that make so many contexts each, with a handshake
 * unless CHAIN is -, and no load if FILE is -; the CPU time of all, in nanoseconds
 *
 * shared CHAIN KEY FILE COUNT: threads that use one context, which another looks into
 *
 * setters FILE: each setter of a certificate, and what the next load gets
 *
 * threads SAME FILE COUNT: eight threads, COUNT contexts each; SAME: a file like it
 *
 * fork SAME FILE COUNT: children of a process that has threads in a load
 *
 * contexts FILE: library contexts that are not the default one
 *
 * providers CHAIN KEY FILE: a verification while the thread has another library context, and two
 * after it
 *
 * ways FILE: each way to load it, into a store of its own
 *
 * inner FILE: loads in a callback that a load calls, and after one that leaves by longjmp
 *
 * locked FILE: a child of a process that holds the lock of a store
 *
 * paths COUNT: the default places, so many times into one context
 *
 * version -: which OpenSSL it is
 *
 * times FILE COUNT KEEP: so many contexts; KEEP: 1 to keep them all, and tell the heap
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WEAK __attribute__((weak))

unsigned long OpenSSL_version_num(void);
const char *OpenSSL_version(int);
const void *TLS_method(void), *TLS_client_method(void), *TLS_server_method(void);
void *SSL_CTX_new(const void *);
void SSL_CTX_free(void *);
void *SSL_CTX_get_cert_store(const void *);
int SSL_CTX_load_verify_locations(void *, const char *, const char *);
WEAK int SSL_CTX_load_verify_file(void *, const char *);
int SSL_CTX_set_default_verify_paths(void *), SSL_CTX_set_default_verify_file(void *);
void SSL_CTX_set_verify(void *, int, int (*)(int, void *));
int SSL_CTX_use_certificate_chain_file(void *, const char *);
int SSL_CTX_use_PrivateKey_file(void *, const char *, int);
void *SSL_new(void *);
void SSL_free(void *), SSL_set_bio(void *, void *, void *);
void SSL_set_connect_state(void *), SSL_set_accept_state(void *);
int SSL_do_handshake(void *);
long SSL_get_verify_result(const void *);
void *SSL_get0_verified_chain(const void *);
int BIO_new_bio_pair(void **, size_t, void **, size_t);
WEAK void *SSL_CTX_new_ex(void *, const char *, const void *);
void *X509_STORE_new(void);
void X509_STORE_free(void *);
WEAK int X509_STORE_load_file(void *, const char *);
WEAK int X509_STORE_load_file_ex(void *, const char *, void *, const char *);
int X509_STORE_load_locations(void *, const char *, const char *);
int X509_STORE_set_default_paths(void *);
void *X509_STORE_add_lookup(void *, void *);
void *X509_STORE_get0_objects(void *);
WEAK void *X509_STORE_get1_objects(void *);
void X509_OBJECT_free(void *);
int X509_OBJECT_get_type(const void *);
void *X509_OBJECT_get0_X509(const void *), *X509_OBJECT_get0_X509_CRL(void *);
void *X509_LOOKUP_file(void);
void *X509_LOOKUP_meth_new(const char *);
void X509_LOOKUP_meth_free(void *);
int X509_LOOKUP_meth_set_ctrl(void *, int (*)(void *, int, const char *, long, char **));
void *X509_STORE_CTX_get0_store(const void *);
int X509_STORE_CTX_get_error(const void *), X509_STORE_CTX_get_error_depth(const void *);
int X509_LOOKUP_ctrl(void *, int, const char *, long, char **);
int X509_STORE_lock(void *), X509_STORE_unlock(void *);
int OPENSSL_sk_num(const void *);
void *OPENSSL_sk_value(const void *, int);
void OPENSSL_sk_pop_free(void *, void (*)(void *));
int i2d_X509_AUX(void *, unsigned char **), i2d_X509_CRL(void *, unsigned char **);
int i2d_re_X509_tbs(void *, unsigned char **);
unsigned char *X509_alias_get0(void *, int *), *X509_keyid_get0(void *, int *);
int X509_alias_set1(void *, const unsigned char *, int);
int X509_keyid_set1(void *, const unsigned char *, int);
int X509_add1_trust_object(void *, const void *), X509_add1_reject_object(void *, const void *);
void X509_reject_clear(void *);
void *OBJ_nid2obj(int);
void *X509_get_serialNumber(void *), *X509_getm_notAfter(void *), *X509_get_subject_name(void *);
void *X509_get_pubkey(void *);
int X509_set_subject_name(void *, void *), X509_set_issuer_name(void *, void *);
int X509_set_pubkey(void *, void *);
int ASN1_INTEGER_set(void *, long);
void *X509_gmtime_adj(void *, long);
void *X509_delete_ext(void *, int);
void X509_EXTENSION_free(void *), EVP_PKEY_free(void *);
int X509_NAME_add_entry_by_txt(void *, const char *, int, const unsigned char *, int, int, int);
int X509_get_ext_count(const void *);
unsigned long ERR_get_error(void), ERR_peek_error(void);
WEAK unsigned long ERR_get_error_line_data(const char **, int *, const char **, int *);
WEAK unsigned long ERR_get_error_all(const char **, int *, const char **, const char **, int *);
int ERR_set_mark(void), ERR_pop_to_mark(void);
void ERR_clear_error(void);
WEAK void ERR_put_error(int, int, int, const char *, int);
WEAK void ERR_new(void);
WEAK void ERR_set_error(int, int, const char *, ...);
WEAK void *OSSL_LIB_CTX_new(void);
WEAK void OSSL_LIB_CTX_free(void *);
WEAK void *OSSL_LIB_CTX_set0_default(void *);
WEAK void *OSSL_PROVIDER_load(void *, const char *);
void SSL_CTX_set_cert_verify_callback(void *, int (*)(void *, void *), void *);
int X509_verify_cert(void *), X509_check_purpose(void *, int, int);
void *X509_STORE_CTX_get0_untrusted(void *);

enum { FILETYPE_PEM = 1, FILETYPE_ASN1 = 2, FILETYPE_DEFAULT = 3, FILE_LOAD = 1 };
enum { LIB_USER = 128, TYPE_CERT = 1, NID_server_auth = 129, MBSTRING_ASC = 0x1001 };

static void check(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "share: %s\n", what);
		abort();
	}
}

/* ---- What a store has ---- */

static uint64_t hash(uint64_t so_far, const void *data, size_t len)
{
	const unsigned char *at = data;

	for (size_t i = 0; i < len; i++)
		so_far = (so_far ^ at[i]) * UINT64_C(0x100000001b3);
	return so_far;
}

/* The objects; from 3.3 on a copy, as asking for the others changes a store of 4.0. */
static void *objects_of(void *store)
{
	return X509_STORE_get1_objects != NULL ? X509_STORE_get1_objects(store)
					       : X509_STORE_get0_objects(store);
}

static void objects_free(void *objects)
{
	if (X509_STORE_get1_objects != NULL)
		OPENSSL_sk_pop_free(objects, X509_OBJECT_free);
}

/* In their order: what they are, encoded, with trust and names, byte for byte. */
static uint64_t digest_of(void *objects)
{
	uint64_t all = 0;

	for (int i = 0; i < OPENSSL_sk_num(objects); i++) {
		void *object = OPENSSL_sk_value(objects, i);
		bool is_cert = X509_OBJECT_get_type(object) == TYPE_CERT;
		void *value =
			is_cert ? X509_OBJECT_get0_X509(object) : X509_OBJECT_get0_X509_CRL(object);
		unsigned char *der = NULL;
		int len = is_cert ? i2d_X509_AUX(value, &der) : i2d_X509_CRL(value, &der);

		check(len > 0, "an object that can't be encoded");
		all = hash(all, der, (size_t)len);
		free(der);
	}
	return all;
}

static void tell_store(void *store)
{
	void *objects = objects_of(store);

	printf(" %d %016llx", OPENSSL_sk_num(objects), (unsigned long long)digest_of(objects));
	objects_free(objects);
}

static void *first_cert(void *store)
{
	void *objects = objects_of(store), *cert = NULL;

	if (OPENSSL_sk_num(objects) > 0)
		cert = X509_OBJECT_get0_X509(OPENSSL_sk_value(objects, 0));
	objects_free(objects);
	return cert;
}

/* ---- The queue of errors ---- */

enum { STATES = 6 };

static void raise_error(int reason)
{
	if (ERR_new != NULL) {
		ERR_new();
		ERR_set_error(LIB_USER, reason, NULL);
	} else {
		ERR_put_error(LIB_USER, 1, reason, "share.c", 1);
	}
}

static void set_state(int state)
{
	ERR_clear_error();
	switch (state) {
	case 1:
		raise_error(11);
		raise_error(12);
		break;
	case 2:
		raise_error(21);
		ERR_set_mark();
		raise_error(22);
		break;
	case 3:
		raise_error(31);
		raise_error(32);
		ERR_set_mark();
		break;
	case 4:
		for (int i = 0; i < 11; i++) {
			raise_error(40 + i);
			if (i == 0 || i == 4)
				ERR_set_mark();
		}
		break;
	case 5:
		for (int i = 0; i < 3; i++)
			raise_error(60 + i);
		ERR_set_mark();
		ERR_set_mark();
		break;
	}
}

/* With its text: OpenSSL names the file in it. */
static unsigned long next_error(const char **data)
{
	int line, flags;
	const char *file, *function;

	*data = "";
	if (ERR_get_error_all != NULL)
		return ERR_get_error_all(&file, &line, &function, data, &flags);
	return ERR_get_error_line_data(&file, &line, data, &flags);
}

static void tell_errors(bool marks)
{
	const char *data;
	unsigned long code;

	if (marks)
		printf(" mark %d,%d", ERR_pop_to_mark(), ERR_pop_to_mark());
	printf(" [");
	while ((code = next_error(&data)) != 0)
		printf(" %lx:%s", code, data);
	printf(" ]");
}

/* ---- Ways to load ---- */

/* Not whether a function is there: the library under test has all that it hooks. */
static bool since_3(void)
{
	return OpenSSL_version_num() >= 0x30000000UL;
}

enum { WAYS = 12 };

/* The program gets the store for those ways alone that need it. */
static int load(int way, void *ctx, const char *file)
{
	switch (way) {
	case 0:
		return SSL_CTX_load_verify_locations(ctx, file, NULL);
	case 1:
		return SSL_CTX_load_verify_locations(ctx, file, "/");
	case 2:
		return SSL_CTX_load_verify_locations(ctx, file, "");
	case 3:
		return since_3() ? SSL_CTX_load_verify_file(ctx, file) : -9;
	case 4:
		return since_3() ? X509_STORE_load_file(SSL_CTX_get_cert_store(ctx), file) : -9;
	case 5:
		return X509_STORE_load_locations(SSL_CTX_get_cert_store(ctx), file, NULL);
	case 6:
		return X509_LOOKUP_ctrl(
			X509_STORE_add_lookup(SSL_CTX_get_cert_store(ctx), X509_LOOKUP_file()),
			FILE_LOAD, file, FILETYPE_PEM, NULL);
	case 7:
		return X509_LOOKUP_ctrl(
			X509_STORE_add_lookup(SSL_CTX_get_cert_store(ctx), X509_LOOKUP_file()),
			FILE_LOAD, file, FILETYPE_ASN1, NULL);
	case 8:
		setenv("SSL_CERT_FILE", file, 1);
		return X509_LOOKUP_ctrl(
			X509_STORE_add_lookup(SSL_CTX_get_cert_store(ctx), X509_LOOKUP_file()),
			FILE_LOAD, NULL, FILETYPE_DEFAULT, NULL);
	case 9:
		setenv("SSL_CERT_FILE", file, 1);
		return SSL_CTX_set_default_verify_paths(ctx);
	case 10:
		setenv("SSL_CERT_FILE", file, 1);
		return SSL_CTX_set_default_verify_file(ctx);
	case 11:
		setenv("SSL_CERT_FILE", file, 1);
		return X509_STORE_set_default_paths(SSL_CTX_get_cert_store(ctx));
	}
	return -9;
}

static void *new_context(int kind)
{
	const void *method = kind == 0	 ? TLS_client_method()
			     : kind == 1 ? TLS_server_method()
					 : TLS_method();
	void *ctx = SSL_CTX_new(method);

	check(ctx != NULL, "no SSL_CTX");
	return ctx;
}

/* Twice the same file, and the one before in between, into one context. looks: a bit for each load
 * after which the program looks into the store. */
static void tell_loads(const char *const files[3], int way, int state, int kind, int looks)
{
	void *ctx = new_context(kind);

	for (int i = 0; i < 3; i++) {
		int ret;

		set_state(state);
		errno = 77;
		ret = load(way, ctx, files[i]);
		printf("%d %d", ret, errno);
		tell_errors(i != 1);
		if (looks & 1 << i)
			tell_store(SSL_CTX_get_cert_store(ctx));
		printf("; ");
	}
	SSL_CTX_free(ctx);
}

static bool is_large(const char *file)
{
	struct stat st;

	check(stat(file, &st) == 0, "no file");
	return st.st_size > 100000;
}

static void same(int count, char **files)
{
	for (int f = 0; f < count; f++)
		for (int way = 0; way < WAYS; way++)
			for (int round = 0; round < 4; round++) {
				/* All states over the files; each is that of a first load, too. */
				int state = (3 * round + f + way) % STATES;
				/* A client that does not look, or not at once, is also one. */
				int kind = round < 2 ? (round + f) % 3 : 0;
				int looks = round < 2 ? 7 : round == 2 ? 4 : 2;

				/* What takes long is loaded in few of them. */
				if (is_large(files[f]) && (way % 3 != 0 || round != way / 3))
					continue;
				const char *const three[] = {files[f],
							     is_large(files[(f + 1) % count])
								     ? files[f]
								     : files[(f + 1) % count],
							     files[f]};

				printf("%s way %d state %d kind %d looks %d: ", files[f], way,
				       state, kind, looks);
				tell_loads(three, way, state, kind, looks);
				printf("\n");
			}
}

/* ---- Handshakes ---- */

enum { VERIFY_NONE = 0, VERIFY_PEER = 1 };

static void *server_context;
static bool callback_looks, quiet;

static void set_server(const char *chain, const char *key)
{
	server_context = new_context(1);
	check(SSL_CTX_use_certificate_chain_file(server_context, chain) == 1 &&
		      SSL_CTX_use_PrivateKey_file(server_context, key, FILETYPE_PEM) == 1,
	      "no certificate");
}

static int on_verify(int ok, void *ctx)
{
	if (quiet)
		return ok;
	printf(" (%d %d", X509_STORE_CTX_get_error(ctx), X509_STORE_CTX_get_error_depth(ctx));
	if (callback_looks)
		tell_store(X509_STORE_CTX_get0_store(ctx));
	printf(")");
	return ok;
}

/* What the client says of the server; the chain that it found in *chain, encoded. */
static long handshake(void *ctx, uint64_t *chain)
{
	void *client = SSL_new(ctx), *server = SSL_new(server_context), *bio[2], *certs;
	long result;

	check(client != NULL && server != NULL && BIO_new_bio_pair(&bio[0], 0, &bio[1], 0) == 1,
	      "no connection");
	SSL_set_bio(client, bio[0], bio[0]);
	SSL_set_bio(server, bio[1], bio[1]);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	for (int i = 0; i < 6; i++) {
		SSL_do_handshake(client);
		SSL_do_handshake(server);
	}
	result = SSL_get_verify_result(client);
	certs = SSL_get0_verified_chain(client);
	*chain = 0;
	for (int i = 0; i < OPENSSL_sk_num(certs); i++) {
		unsigned char *der = NULL;
		int len = i2d_X509_AUX(OPENSSL_sk_value(certs, i), &der);

		*chain = hash(*chain, der, (size_t)len);
		free(der);
	}
	SSL_free(client);
	SSL_free(server);
	return result;
}

/* l: load, o: the other file, d: the default places, D: the default directory, v: a handshake, V:
 * one whose callback looks into the store, s: look. */
static void step(char what, void *ctx, const char *other, const char *file)
{
	uint64_t chain;

	errno = 77;
	switch (what) {
	case 'l':
		printf("%d", SSL_CTX_load_verify_locations(ctx, file, NULL));
		break;
	case 'o':
		printf("%d", SSL_CTX_load_verify_locations(ctx, other, NULL));
		break;
	case 'd':
		setenv("SSL_CERT_FILE", file, 1);
		printf("%d", SSL_CTX_set_default_verify_paths(ctx));
		break;
	case 'D':
		printf("%d", SSL_CTX_load_verify_locations(ctx, NULL, "/etc/ssl/certs"));
		break;
	case 'v':
	case 'V':
		callback_looks = what == 'V';
		printf("%ld", handshake(ctx, &chain));
		printf(" %016llx", (unsigned long long)chain);
		break;
	case 's':
		tell_store(SSL_CTX_get_cert_store(ctx));
		break;
	}
	printf(" %d", errno);
	tell_errors(false);
	printf("; ");
}

static void verify(const char *other, int count, char **files)
{
	static const char *const steps[] = {
		"ls",	"lvs",	"lls",	 "llvs",  "lvls", "lvvs", "los",   "lovs", "lvovs",
		"dvs",	"ddvs", "ldvs",	 "Dlvs",  "lDvs", "lVs",  "lVlvs", "vls",  "vlvs",
		"slvs", "lsvs", "lvsvs", "olvls", "odvs", "lv",	  "lvov",  "Vlvs",
	};

	for (int f = 0; f < count; f++)
		for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
			void *ctx = new_context(0);

			SSL_CTX_set_verify(ctx, VERIFY_PEER, on_verify);
			printf("%s %s: ", files[f], steps[i]);
			for (const char *at = steps[i]; *at != '\0'; at++)
				step(*at, ctx, other, files[f]);
			printf("\n");
			SSL_CTX_free(ctx);
		}
}

static const char *connect_file;
static int connect_count;

static void *connect_each(void *unused)
{
	uint64_t chain;

	for (int i = 0; i < connect_count; i++) {
		void *ctx = new_context(0);

		SSL_CTX_set_verify(ctx, VERIFY_PEER, on_verify);
		check(strcmp(connect_file, "-") == 0 ||
			      SSL_CTX_load_verify_locations(ctx, connect_file, NULL) == 1,
		      "load");
		check(server_context == NULL || handshake(ctx, &chain) == 0, "handshake");
		SSL_CTX_free(ctx);
	}
	return unused;
}

static int64_t cpu_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void connects(const char *file, int count, int threads)
{
	pthread_t thread[64];
	int64_t start = cpu_time();

	quiet = true;
	connect_file = file;
	connect_count = count;
	check(threads > 0 && threads <= 64, "not so many threads");
	for (int i = 1; i < threads; i++)
		check(pthread_create(&thread[i], NULL, connect_each, NULL) == 0, "no thread");
	connect_each(NULL);
	for (int i = 1; i < threads; i++)
		pthread_join(thread[i], NULL);
	if (count > 0)
		printf("%lld\n", (long long)(cpu_time() - start));
}

static int shared_rounds;
static void *volatile shared_context;

static void *use_shared(void *arg)
{
	intptr_t bad = 0;
	uint64_t chain;

	(void)arg;
	for (int i = 0; i < shared_rounds; i++)
		bad += handshake(shared_context, &chain) != 0;
	return (void *)bad;
}

/* Each time a new context, so that the threads are the first to ask for what was loaded. */
static void shared(const char *file, int count)
{
	intptr_t all = 0;
	int want = -1;

	quiet = true;
	shared_rounds = 3;
	for (int i = 0; i < count; i++) {
		pthread_t thread[8];
		void *objects;

		shared_context = new_context(0);
		SSL_CTX_set_verify(shared_context, VERIFY_PEER, on_verify);
		check(SSL_CTX_load_verify_locations(shared_context, file, NULL) == 1, "load");
		for (int j = 0; j < 8; j++)
			check(pthread_create(&thread[j], NULL, use_shared, NULL) == 0, "no thread");
		if (i % 3 != 0)
			usleep((useconds_t)i * 37 % 1000);
		objects = objects_of(SSL_CTX_get_cert_store(shared_context));
		want = want < 0 ? OPENSSL_sk_num(objects) : want;
		all += OPENSSL_sk_num(objects) != want;
		for (int j = 0; j < 8; j++) {
			void *bad;

			pthread_join(thread[j], &bad);
			all += (intptr_t)bad;
		}
		objects_free(objects);
		SSL_CTX_free(shared_context);
	}
	printf("%d handshakes, %ld wrong\n", count * 8 * shared_rounds, (long)all);
}

/* ---- Programs that change what they got from a store ---- */

enum { SETTERS = 11 };

static void change(void *cert, int setter)
{
	void *other;

	switch (setter) {
	case 0:
		check(X509_add1_trust_object(cert, OBJ_nid2obj(NID_server_auth)), "trust");
		break;
	case 1:
		check(X509_add1_reject_object(cert, OBJ_nid2obj(NID_server_auth)), "reject");
		break;
	case 2:
		check(X509_alias_set1(cert, (const unsigned char *)"alias", 5), "alias");
		break;
	case 3:
		check(X509_keyid_set1(cert, (const unsigned char *)"keyid", 5), "keyid");
		break;
	case 4:
		check(ASN1_INTEGER_set(X509_get_serialNumber(cert), 4711), "serial");
		break;
	case 5:
		check(X509_gmtime_adj(X509_getm_notAfter(cert), 60) != NULL, "notAfter");
		break;
	case 6:
		check(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
						 (const unsigned char *)"more", 4, -1, 0),
		      "subject");
		break;
	case 7:
		X509_EXTENSION_free(X509_delete_ext(cert, X509_get_ext_count(cert) - 1));
		break;
	case 8:
		other = X509_get_pubkey(cert);
		check(X509_set_pubkey(cert, other), "key");
		EVP_PKEY_free(other);
		break;
	case 9:
		check(X509_set_issuer_name(cert, X509_get_subject_name(cert)), "issuer");
		check(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
						 (const unsigned char *)"more", 4, -1, 0),
		      "subject");
		break;
	case 10:
		check(X509_add1_reject_object(cert, OBJ_nid2obj(NID_server_auth)), "reject");
		X509_reject_clear(cert);
		check(X509_alias_set1(cert, (const unsigned char *)"b", 1), "alias");
		break;
	}
}

static void setters(const char *file)
{
	for (int i = 0; i < SETTERS; i++) {
		void *first = new_context(0), *second;

		check(SSL_CTX_load_verify_locations(first, file, NULL) == 1, "load");
		change(first_cert(SSL_CTX_get_cert_store(first)), i);
		for (int round = 0; round < 2; round++) {
			int alias = 0, keyid = 0;
			void *cert;

			second = new_context(2);
			check(SSL_CTX_load_verify_locations(second, file, NULL) == 1, "load");
			cert = first_cert(SSL_CTX_get_cert_store(second));
			X509_alias_get0(cert, &alias);
			X509_keyid_get0(cert, &keyid);
			printf("setter %d: alias %d keyid %d", i, alias, keyid);
			/* As it is now, not as it was read. */
			unsigned char *tbs = NULL;
			int len = i2d_re_X509_tbs(cert, &tbs);
			printf(" %016llx",
			       (unsigned long long)hash(0, tbs, len > 0 ? (size_t)len : 0));
			free(tbs);
			tell_store(SSL_CTX_get_cert_store(second));
			printf("\n");
			SSL_CTX_free(second);
		}
		SSL_CTX_free(first);
	}
}

/* ---- Threads and children ---- */

static const char *thread_file;
static int thread_count, thread_want;
static uint64_t thread_digest;
static volatile bool thread_stop;

/* Is the store of the context as it should be, after a load? */
static bool loads_well(void *ctx, bool whole)
{
	bool good = SSL_CTX_load_verify_locations(ctx, thread_file, NULL) == 1;
	void *objects = objects_of(SSL_CTX_get_cert_store(ctx));

	good = good && OPENSSL_sk_num(objects) == thread_want &&
	       (!whole || digest_of(objects) == thread_digest);
	objects_free(objects);
	return good;
}

static bool one_context(int i)
{
	void *ctx = new_context(i % 3);
	bool good = loads_well(ctx, i % 4 == 0);

	SSL_CTX_free(ctx);
	return good;
}

static void *work(void *arg)
{
	intptr_t bad = 0;

	(void)arg;
	for (int i = 0; i < thread_count && !thread_stop; i++)
		bad += !one_context(i);
	return (void *)bad;
}

static void expect(const char *file)
{
	void *ctx = new_context(0), *objects;

	thread_file = file;
	check(SSL_CTX_load_verify_locations(ctx, file, NULL) == 1, "load");
	objects = objects_of(SSL_CTX_get_cert_store(ctx));
	thread_want = OPENSSL_sk_num(objects);
	thread_digest = digest_of(objects);
	objects_free(objects);
	SSL_CTX_free(ctx);
}

/* first: a file whose contents are the same, so that the threads are the first to load the other.
 */
static void threads(const char *first, const char *file, int count)
{
	pthread_t thread[8];
	intptr_t all = 0;

	expect(first);
	thread_file = file;
	thread_count = count;
	for (int i = 0; i < 8; i++)
		check(pthread_create(&thread[i], NULL, work, NULL) == 0, "no thread");
	for (int i = 0; i < 8; i++) {
		void *bad;

		pthread_join(thread[i], &bad);
		all += (intptr_t)bad;
	}
	printf("%d contexts, %ld wrong\n", 8 * count, (long)all);
}

static void forks(const char *first, const char *file, int count)
{
	pthread_t thread[3];
	int bad = 0;

	expect(first);
	thread_file = file;
	thread_count = 1 << 30;
	for (int i = 0; i < 3; i++)
		check(pthread_create(&thread[i], NULL, work, NULL) == 0, "no thread");
	for (int i = 0; i < count; i++) {
		/* Made before: OpenSSL itself may hang where it makes one after such a fork. */
		void *ctx = new_context(0);
		pid_t child = fork();
		int status;

		check(child >= 0, "no child");
		if (child == 0) {
			alarm(60);
			_exit(loads_well(ctx, true) && loads_well(ctx, false) ? 0 : 1);
		}
		SSL_CTX_free(ctx);
		check(waitpid(child, &status, 0) == child, "no status");
		bad += status != 0;
	}
	thread_stop = true;
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	printf("%d children, %d wrong\n", count, bad);
}

/* ---- Whose certificates ---- */

/* Are the certificates of two stores the same objects? */
static bool is_shared(void *a, void *b)
{
	return first_cert(a) != NULL && first_cert(a) == first_cert(b);
}

static void *loaded(const char *file, void *libctx, bool ex, const char *propq)
{
	void *store = X509_STORE_new();

	check(ex ? X509_STORE_load_file_ex(store, file, libctx, propq)
		 : X509_STORE_load_locations(store, file, NULL),
	      "load");
	return store;
}

static void contexts(const char *file)
{
	void *plain = loaded(file, NULL, false, NULL), *other;

	other = loaded(file, NULL, false, NULL);
	printf("default: %d\n", is_shared(plain, other));
	X509_STORE_free(other);
	if (OSSL_LIB_CTX_new != NULL) {
		void *own = OSSL_LIB_CTX_new(), *before, *second;

		other = loaded(file, own, true, NULL);
		second = loaded(file, own, true, NULL);
		printf("own: %d %d\n", is_shared(plain, other), is_shared(second, other));
		X509_STORE_free(other);
		X509_STORE_free(second);
		other = loaded(file, NULL, true, "provider=default");
		printf("properties: %d\n", is_shared(plain, other));
		X509_STORE_free(other);
		before = OSSL_LIB_CTX_set0_default(own);
		other = loaded(file, NULL, false, NULL);
		printf("own by default: %d\n", is_shared(plain, other));
		OSSL_LIB_CTX_set0_default(before);
		X509_STORE_free(other);
		other = loaded(file, NULL, false, NULL);
		printf("default again: %d\n", is_shared(plain, other));
		X509_STORE_free(other);
		OSSL_LIB_CTX_free(own);
	}
	X509_STORE_free(plain);
}

/* In the library context arg, if there is one. OpenSSL knows the server's certificates by then. */
static int verify_in(void *store_ctx, void *arg)
{
	void **own = arg, *before = NULL, *sent = X509_STORE_CTX_get0_untrusted(store_ctx);
	int ret;

	for (int i = 0; i < OPENSSL_sk_num(sent); i++)
		X509_check_purpose(OPENSSL_sk_value(sent, i), -1, 0);
	if (*own != NULL)
		before = OSSL_LIB_CTX_set0_default(*own);
	ret = X509_verify_cert(store_ctx);
	if (before != NULL)
		OSSL_LIB_CTX_set0_default(before);
	return ret;
}

static void providers(const char *file)
{
	void *own = OSSL_LIB_CTX_new == NULL ? NULL : OSSL_LIB_CTX_new(), *ctx = NULL;
	uint64_t chain;

	check(own == NULL || OSSL_PROVIDER_load(own, "null") != NULL, "no provider");
	for (int i = 0; i < 3; i++) {
		if (i != 1) {
			SSL_CTX_free(ctx);
			ctx = new_context(0);
			SSL_CTX_set_verify(ctx, VERIFY_PEER, NULL);
			SSL_CTX_set_cert_verify_callback(ctx, verify_in, &own);
			check(SSL_CTX_load_verify_locations(ctx, file, NULL) == 1, "load");
		}
		printf("%d: %ld\n", i, handshake(ctx, &chain));
		own = NULL;
	}
	SSL_CTX_free(ctx);
}

static void ways(const char *file)
{
	for (int way = 0; way < WAYS; way++) {
		void *ctx = new_context(0);

		printf("way %d: %d\n", way, load(way, ctx, file));
		SSL_CTX_free(ctx);
	}
}

enum { BY_SSL = 1, BY_STORE, BY_TAIL_CALL, BY_LONGJMP };

static void *inner_ctx;
static jmp_buf inner_end;

/* The program's own way to look up certificates loads a file into another store. */
static int inner_ctrl(void *lookup, int command, const char *file, long type, char **result)
{
	void *store = SSL_CTX_get_cert_store(inner_ctx);
	volatile int ret = 0;

	(void)lookup;
	(void)command;
	(void)result;
	if (type == BY_TAIL_CALL)
		return X509_STORE_load_locations(store, file, NULL);
	if (type == BY_STORE)
		ret = X509_STORE_load_locations(store, file, NULL);
	else if (type == BY_SSL)
		ret = SSL_CTX_load_verify_locations(inner_ctx, file, NULL);
	else
		longjmp(inner_end, 1);
	return ret;
}

static void inner(const char *file)
{
	void *method = X509_LOOKUP_meth_new("the program's own"), *outer = X509_STORE_new();
	void *first = loaded(file, NULL, false, NULL), *lookup;

	check(method != NULL && X509_LOOKUP_meth_set_ctrl(method, inner_ctrl), "no method");
	lookup = X509_STORE_add_lookup(outer, method);
	for (int how = BY_SSL; how <= BY_LONGJMP; how++) {
		inner_ctx = new_context(0);
		if (setjmp(inner_end) == 0)
			printf("%d: %d", how, X509_LOOKUP_ctrl(lookup, 77, file, how, NULL));
		else
			printf("%d: %d", how, SSL_CTX_load_verify_locations(inner_ctx, file, NULL));
		tell_store(SSL_CTX_get_cert_store(inner_ctx));
		printf(" shared %d\n", is_shared(first, SSL_CTX_get_cert_store(inner_ctx)));
		SSL_CTX_free(inner_ctx);
	}
	X509_STORE_free(first);
	X509_STORE_free(outer);
	X509_LOOKUP_meth_free(method);
}

static void locked(const char *file)
{
	void *ctx = new_context(0), *store;
	int status = 0;
	pid_t child;

	check(SSL_CTX_load_verify_locations(ctx, file, NULL) == 1, "load");
	store = SSL_CTX_get_cert_store(ctx);
	X509_STORE_lock(store);
	child = fork();
	if (child == 0) {
		alarm(10);
		_exit(SSL_CTX_get_cert_store(ctx) == store ? 0 : 1);
	}
	waitpid(child, &status, 0);
	X509_STORE_unlock(store);
	printf("%d\n", status);
	SSL_CTX_free(ctx);
}

static void paths(int count)
{
	void *ctx = new_context(0);

	for (int i = 0; i < count; i++)
		check(SSL_CTX_set_default_verify_paths(ctx) == 1, "default paths");
	tell_store(SSL_CTX_get_cert_store(ctx));
	printf("\n");
	SSL_CTX_free(ctx);
}

static void times(const char *file, int count, bool keep)
{
	void **kept = calloc((size_t)count + 1, sizeof(*kept));
	size_t start, first = 0, end;

	check(kept != NULL, "no memory");
	SSL_CTX_free(new_context(0));
	start = mallinfo2().uordblks;
	for (int i = 0; i < count; i++) {
		kept[i] = new_context(0);
		if (strcmp(file, "none") == 0)
			;
		else if (strcmp(file, "default") == 0)
			check(SSL_CTX_set_default_verify_paths(kept[i]) == 1, "default paths");
		else
			check(SSL_CTX_load_verify_locations(kept[i], file, NULL) == 1, "load");
		if (i == 0)
			first = mallinfo2().uordblks - start;
		if (!keep)
			SSL_CTX_free(kept[i]);
	}
	end = mallinfo2().uordblks - start;
	if (keep)
		printf("first %zu further %zu\n", first,
		       count > 1 ? (end - first) / (size_t)(count - 1) : 0);
	for (int i = 0; keep && i < count; i++)
		SSL_CTX_free(kept[i]);
	free(kept);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (strcmp(what, "same") == 0)
		same(argc - 2, argv + 2);
	else if (strcmp(what, "verify") == 0 && argc > 5) {
		set_server(argv[2], argv[3]);
		verify(argv[4], argc - 5, argv + 5);
	} else if (strcmp(what, "connect") == 0 && argc == 7) {
		if (strcmp(argv[2], "-") != 0)
			set_server(argv[2], argv[3]);
		connects(argv[4], atoi(argv[5]), atoi(argv[6]));
	} else if (strcmp(what, "shared") == 0 && argc == 6) {
		set_server(argv[2], argv[3]);
		shared(argv[4], atoi(argv[5]));
	} else if (strcmp(what, "setters") == 0)
		setters(argv[2]);
	else if (strcmp(what, "threads") == 0 && argc == 5)
		threads(argv[2], argv[3], atoi(argv[4]));
	else if (strcmp(what, "fork") == 0 && argc == 5)
		forks(argv[2], argv[3], atoi(argv[4]));
	else if (strcmp(what, "contexts") == 0)
		contexts(argv[2]);
	else if (strcmp(what, "providers") == 0 && argc == 5) {
		set_server(argv[2], argv[3]);
		providers(argv[4]);
	} else if (strcmp(what, "ways") == 0)
		ways(argv[2]);
	else if (strcmp(what, "inner") == 0)
		inner(argv[2]);
	else if (strcmp(what, "locked") == 0)
		locked(argv[2]);
	else if (strcmp(what, "paths") == 0)
		paths(atoi(argv[2]));
	else if (strcmp(what, "version") == 0)
		printf("%s\n", OpenSSL_version(0));
	else if (strcmp(what, "times") == 0 && argc == 5)
		times(argv[2], atoi(argv[3]), atoi(argv[4]) != 0);
	else
		return fprintf(stderr, "share: wrong usage\n"), 2;
	SSL_CTX_free(server_context);
	return 0;
}
