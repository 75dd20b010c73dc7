/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client, or a server, whose store has rules of its own: CRLs, callbacks, lookups. For
 * policy_rules.py. It makes its certificates itself, and puts what is to be an anchor into FOLDER.
 *
 * usage: policy_rules CASE FOLDER
 */
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *folder;

static const char *const ca_extensions[] = {"basicConstraints",
					    "critical,CA:TRUE",
					    "keyUsage",
					    "critical,keyCertSign,cRLSign",
					    "subjectKeyIdentifier",
					    "hash",
					    NULL};
static const char *const leaf_extensions[] = {"basicConstraints",
					      "critical,CA:FALSE",
					      "keyUsage",
					      "critical,digitalSignature",
					      "authorityKeyIdentifier",
					      "keyid",
					      "subjectAltName",
					      "DNS:www.corp.example",
					      NULL};

static void check(int ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "policy_rules: %s\n", what);
		exit(2);
	}
}

static const char *const client_extensions[] = {"authorityKeyIdentifier", "keyid",
						"extendedKeyUsage", "clientAuth", NULL};

struct identity {
	EVP_PKEY *key;
	X509 *cert;
};

/* For how long from now the certificates that are made are valid. */
static long valid_s = 86400;

/* issuer NULL: by itself. */
static struct identity make(const char *cn, const struct identity *issuer,
			    const char *const *extensions)
{
	static long serial = 1;
	EVP_PKEY_CTX *generator = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, NULL);
	struct identity made = {NULL, X509_new()};
	X509_NAME *name = X509_get_subject_name(made.cert);
	X509V3_CTX context;

	check(EVP_PKEY_keygen_init(generator) == 1 && EVP_PKEY_keygen(generator, &made.key) == 1,
	      "no key");
	EVP_PKEY_CTX_free(generator);
	X509_set_version(made.cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(made.cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(made.cert), -86400);
	X509_gmtime_adj(X509_getm_notAfter(made.cert), valid_s);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(made.cert,
			     issuer == NULL ? name : X509_get_subject_name(issuer->cert));
	X509_set_pubkey(made.cert, made.key);
	X509V3_set_ctx(&context, issuer == NULL ? made.cert : issuer->cert, made.cert, NULL, NULL,
		       0);
	for (; *extensions != NULL; extensions += 2) {
		X509_EXTENSION *e = X509V3_EXT_conf(NULL, &context, extensions[0], extensions[1]);

		check(e != NULL, extensions[0]);
		X509_add_ext(made.cert, e, -1);
		X509_EXTENSION_free(e);
	}
	check(X509_sign(made.cert, issuer == NULL ? made.key : issuer->key, NULL) > 0,
	      "no signature");
	return made;
}

static void be_anchor(const struct identity *ca)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/anchor.pem", folder);
	file = fopen(path, "w");
	check(file != NULL && PEM_write_X509(file, ca->cert) == 1 && fclose(file) == 0, path);
}

/* Of nobody revoked. */
static void add_crl(X509_STORE *store, const struct identity *ca)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *time = X509_gmtime_adj(NULL, -3600);
	X509_EXTENSION *extension;
	X509V3_CTX context;
	unsigned char *der = NULL;
	const unsigned char *at;
	int len;

	X509_CRL_set_version(crl, 1);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert));
	X509_CRL_set1_lastUpdate(crl, time);
	X509_gmtime_adj(time, 86400);
	X509_CRL_set1_nextUpdate(crl, time);
	ASN1_TIME_free(time);
	/* Whose it is, as there may be two of that name. */
	X509V3_set_ctx(&context, ca->cert, NULL, NULL, crl, 0);
	extension = X509V3_EXT_conf(NULL, &context, "authorityKeyIdentifier", "keyid");
	check(extension != NULL && X509_CRL_add_ext(crl, extension, -1) == 1, "no key identifier");
	X509_EXTENSION_free(extension);
	check(X509_CRL_sign(crl, ca->key, NULL) > 0, "no signature");
	/* What is read out of it is kept when it is read in. */
	len = i2d_X509_CRL(crl, &der);
	X509_CRL_free(crl);
	at = der;
	crl = d2i_X509_CRL(NULL, &at, len);
	OPENSSL_free(der);
	check(crl != NULL && X509_STORE_add_crl(store, crl) == 1, "no CRL");
	X509_CRL_free(crl);
}

struct attempt {
	bool is_server;
	time_t at; /* the time to verify for; 0: now */
	unsigned long flags;
	X509_STORE_CTX_verify_cb callback;
	X509 *sent[2];
};

static void attempt(const char *what, X509_STORE *store, X509 *leaf, const struct attempt *a)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	SSL *ssl = SSL_new(ctx);
	X509_STORE_CTX *verification = X509_STORE_CTX_new();
	STACK_OF(X509) *sent = sk_X509_new_null();
	int ret;

	if (a->is_server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	for (int i = 0; i < 2; i++)
		if (a->sent[i] != NULL)
			sk_X509_push(sent, a->sent[i]);
	X509_STORE_CTX_init(verification, store, leaf, sent);
	X509_STORE_CTX_set_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx(), ssl);
	X509_STORE_CTX_set_default(verification, a->is_server ? "ssl_client" : "ssl_server");
	X509_STORE_CTX_set_flags(verification, a->flags);
	if (a->at != 0)
		X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(verification), a->at);
	if (a->callback != NULL)
		X509_STORE_CTX_set_verify_cb(verification, a->callback);
	ret = X509_verify_cert(verification);
	printf("%s: %d, error %d, chain of %d\n", what, ret, X509_STORE_CTX_get_error(verification),
	       sk_X509_num(X509_STORE_CTX_get0_chain(verification)));
	X509_STORE_CTX_free(verification);
	sk_X509_free(sent);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

/* A CRL that is signed by another certificate than the leaf's issuer, of the same name. */
static void crl_of_another_key(void)
{
	struct identity root = make("root", NULL, ca_extensions),
			sub = make("sub", &root, ca_extensions);
	struct identity signer = make("sub", &root, ca_extensions);
	struct identity leaf = make("leaf", &sub, leaf_extensions);
	X509_STORE *store = X509_STORE_new();

	be_anchor(&root);
	X509_STORE_add_cert(store, root.cert);
	add_crl(store, &signer);
	attempt("CRL", store, leaf.cert,
		&(struct attempt){.flags = X509_V_FLAG_CRL_CHECK | X509_V_FLAG_EXTENDED_CRL_SUPPORT,
				  .sent = {sub.cert, signer.cert}});
}

static int print_each(int ok, X509_STORE_CTX *ctx)
{
	printf("callback: %d, depth %d of %d\n", ok, X509_STORE_CTX_get_error_depth(ctx),
	       sk_X509_num(X509_STORE_CTX_get0_chain(ctx)));
	return ok;
}

/* The program trusts the root, and an anchor would end the chain earlier. */
static void below_own_root(const char *what, bool has_crls, struct attempt a)
{
	struct identity root = make("root", NULL, ca_extensions),
			sub = make("sub", &root, ca_extensions);
	struct identity leaf = make("leaf", &sub, leaf_extensions);
	X509_STORE *store = X509_STORE_new();

	be_anchor(&sub);
	X509_STORE_add_cert(store, root.cert);
	if (has_crls) {
		add_crl(store, &root);
		add_crl(store, &sub);
	}
	a.sent[0] = sub.cert;
	attempt(what, store, leaf.cert, &a);
}

static void own_root(void)
{
	below_own_root(
		"all CRLs", true,
		(struct attempt){.flags = X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL});
}

/* Of a server that is not in the anchor's scope. */
static void own_root_seen(void)
{
	below_own_root("seen", false, (struct attempt){.callback = print_each});
}

static X509_STORE_CTX_verify_fn stock;

static int verify_again(int ok, X509_STORE_CTX *ctx)
{
	static bool done;

	(void)ok;
	if (!done) {
		done = true;
		X509_STORE_CTX_set_verify(ctx, stock);
		printf("within: %d\n", X509_verify_cert(ctx));
		X509_STORE_CTX_set_verify(ctx, stock);
	}
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

static void stock_put_back(void)
{
	struct identity root = make("root", NULL, ca_extensions);
	struct identity leaf = make("leaf", &root, leaf_extensions);
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	be_anchor(&root);
	X509_STORE_add_cert(store, root.cert);
	X509_STORE_CTX_init(ctx, store, NULL, NULL);
	stock = X509_STORE_CTX_get_verify(ctx);
	X509_STORE_CTX_free(ctx);
	attempt("again", store, leaf.cert, &(struct attempt){.callback = verify_again});
}

static int take_anything(X509_LOOKUP *lookup, int command, const char *argument, long number,
			 char **ret)
{
	(void)lookup;
	(void)command;
	(void)ret;
	return argument == (const char *)(uintptr_t)7 && number == 0;
}

/* A method of one's own, whose commands are no loads and take no strings. */
static void own_method(void)
{
	struct identity root = make("root", NULL, ca_extensions);
	X509_STORE *store = X509_STORE_new();
	X509_LOOKUP_METHOD *method = X509_LOOKUP_meth_new("own");

	be_anchor(&root);
	X509_LOOKUP_meth_set_ctrl(method, take_anything);
	for (int used = 0; used < 2; used++) {
		X509_LOOKUP *lookup = X509_STORE_add_lookup(store, method);

		for (int command = X509_L_FILE_LOAD; command <= 4; command++)
			printf("command %d: %d\n", command,
			       X509_LOOKUP_ctrl(lookup, command, (const char *)(uintptr_t)7, 0,
						NULL));
		attempt(used ? "" : "a client first", store,
			make("other", NULL, ca_extensions).cert,
			&(struct attempt){.is_server = false});
	}
}

static X509_STORE *copied_to;
static X509 *elsewhere;

/* Verifies another server's certificate with what the outer verification has: its callback, and its
 * last step. */
static int verify_with_copies(int ok, X509_STORE_CTX *ctx)
{
	static int done;
	X509_STORE_CTX *inner;
	int ret;

	if (done++)
		return ok;
	X509_STORE_set_verify_cb(copied_to, X509_STORE_CTX_get_verify_cb(ctx));
	inner = X509_STORE_CTX_new();
	X509_STORE_CTX_init(inner, copied_to, elsewhere, NULL);
	X509_STORE_CTX_set_default(inner, "ssl_server");
	X509_STORE_CTX_set_verify_cb(inner, X509_STORE_CTX_get_verify_cb(ctx));
	X509_STORE_CTX_set_verify(inner, X509_STORE_CTX_get_verify(ctx));
	ret = X509_verify_cert(inner);
	printf("inner: %d, error %d\n", ret, X509_STORE_CTX_get_error(inner));
	X509_STORE_CTX_free(inner);
	return ok;
}

static const char *const elsewhere_extensions[] = {"authorityKeyIdentifier", "keyid",
						   "subjectAltName", "DNS:www.other.example", NULL};

/* What a callback copies to other contexts, and to a store, does there what it does by itself. */
static void copied_callback(void)
{
	struct identity root = make("root", NULL, ca_extensions);
	struct identity leaf = make("www", &root, leaf_extensions);
	struct identity other = make("other", &root, elsewhere_extensions);
	X509_STORE *store = X509_STORE_new();

	be_anchor(&root);
	copied_to = store;
	elsewhere = other.cert;
	attempt("in scope", store, leaf.cert, &(struct attempt){.callback = verify_with_copies});
	attempt("out of scope", store, other.cert, &(struct attempt){.is_server = false});
}

/* An intermediate as an anchor, for a program that sets the time by itself. */
static void own_check_time(void)
{
	struct identity root = make("root", NULL, ca_extensions), sub, leaf;
	X509_STORE *store = X509_STORE_new();
	time_t now = time(NULL);

	valid_s = 600;
	sub = make("sub", &root, ca_extensions);
	valid_s = 86400;
	leaf = make("leaf", &sub, leaf_extensions);
	be_anchor(&sub);
	attempt("now", store, leaf.cert, &(struct attempt){.at = now});
	attempt("later", store, leaf.cert, &(struct attempt){.at = now + 1200});
	attempt("before", store, leaf.cert, &(struct attempt){.at = now - 86400 - 1200});
	attempt("whenever", store, leaf.cert,
		&(struct attempt){.at = now + 1200, .flags = X509_V_FLAG_NO_CHECK_TIME});
}

/* A server that was a client first, and trusts many CAs of one name for its clients. */
static void many_cas_of_one_name(void)
{
	enum { CAS = 200 };
	struct identity root = make("root", NULL, ca_extensions);
	X509_STORE *store = X509_STORE_new();
	int in = 0;

	be_anchor(&root);
	attempt("a client first", store, make("leaf", &root, leaf_extensions).cert,
		&(struct attempt){.is_server = false});
	for (int i = 0; i < CAS; i++) {
		struct identity ca = make("one of many", NULL, ca_extensions);
		struct identity client = make("client", &ca, client_extensions);
		X509_STORE_CTX *ctx = X509_STORE_CTX_new();

		X509_STORE_add_cert(store, ca.cert);
		X509_STORE_CTX_init(ctx, store, client.cert, NULL);
		X509_STORE_CTX_set_default(ctx, "ssl_client");
		in += X509_verify_cert(ctx) == 1;
		X509_STORE_CTX_free(ctx);
	}
	printf("clients: %d\n", in);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static int take_mutex(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name,
		      X509_OBJECT *ret)
{
	(void)lookup;
	(void)type;
	(void)name;
	(void)ret;
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	return 0;
}

/* A program that holds its own mutex while it loads trust, and takes it to find certificates. */
static void mutex_over_a_load(void)
{
	struct identity root = make("root", NULL, ca_extensions);
	X509_LOOKUP_METHOD *method = X509_LOOKUP_meth_new("mutex");
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char path[4096];

	be_anchor(&root);
	snprintf(path, sizeof(path), "%s/anchor.pem", folder);
	X509_LOOKUP_meth_set_get_by_subject(
		method, (X509_LOOKUP_get_by_subject_fn)(void (*)(void))take_mutex);
	X509_STORE_add_lookup(SSL_CTX_get_cert_store(ctx), method);
	alarm(60);
	pthread_mutex_lock(&mutex);
	printf("loaded: %d\n", SSL_CTX_load_verify_locations(ctx, path, NULL));
	pthread_mutex_unlock(&mutex);
	SSL_CTX_free(ctx);
}

/* A context that is verified once more: what its store has counts as before. */
static void verified_twice(void)
{
	struct identity root = make("root", NULL, ca_extensions);
	struct identity own = make("own", NULL, ca_extensions);
	struct identity leaf = make("leaf", &root, leaf_extensions);
	struct identity of_own = make("leaf", &own, leaf_extensions);
	SSL_CTX *ssl_ctx;
	SSL *ssl;
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_STORE *store = X509_STORE_new();

	/* Before the library reads its directory. */
	be_anchor(&root);
	ssl_ctx = SSL_CTX_new(TLS_client_method());
	ssl = SSL_new(ssl_ctx);
	X509_STORE_add_cert(store, own.cert);
	X509_STORE_CTX_init(ctx, store, leaf.cert, NULL);
	X509_STORE_CTX_set_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx(), ssl);
	X509_STORE_CTX_set_default(ctx, "ssl_server");
	for (int i = 0; i < 4; i++) {
		X509_STORE_CTX_set_cert(ctx, i % 2 == 0 ? leaf.cert : of_own.cert);
		printf("%d: %d\n", i, X509_verify_cert(ctx));
		X509_STORE_CTX_set0_verified_chain(ctx, NULL);
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
	}
	X509_STORE_CTX_cleanup(ctx);
	X509_STORE_CTX_init(ctx, store, of_own.cert, NULL);
	printf("anew: %d\n", X509_verify_cert(ctx));
	X509_STORE_CTX_free(ctx);
	SSL_free(ssl);
	SSL_CTX_free(ssl_ctx);
}

static void write_hashed(const char *dir, X509 *cert)
{
	char path[4200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%08lx.0", dir, X509_subject_name_hash(cert));
	file = fopen(path, "w");
	check(file != NULL && PEM_write_X509(file, cert) == 1 && fclose(file) == 0, path);
}

/*
 * A server sends a cross-signed root, and the store's directory has both roots. No anchor has to do
 * with it, so no more is loaded into the store than OpenSSL asks for.
 */
static void cross_signed(void)
{
	struct identity other = make("other", NULL, ca_extensions), top, root, sub, leaf;
	X509_STORE *store = X509_STORE_new();
	X509 *cross;
	char dir[4100];

	be_anchor(&other);
	top = make("top", NULL, ca_extensions);
	root = make("root", NULL, ca_extensions);
	sub = make("sub", &root, ca_extensions);
	leaf = make("leaf", &sub, leaf_extensions);
	cross = X509_dup(root.cert);
	X509_set_issuer_name(cross, X509_get_subject_name(top.cert));
	check(X509_sign(cross, top.key, NULL) > 0, "no signature");
	snprintf(dir, sizeof(dir), "%s/.hashed", folder);
	check(mkdir(dir, 0755) == 0 || errno == EEXIST, dir);
	write_hashed(dir, root.cert);
	write_hashed(dir, top.cert);
	check(X509_STORE_load_locations(store, NULL, dir) == 1, "not loaded");
	attempt("cross-signed", store, leaf.cert, &(struct attempt){.sent = {sub.cert, cross}});
	printf("in the store: %d\n", sk_X509_OBJECT_num(X509_STORE_get0_objects(store)));
}

static void lookup_without_a_store(void)
{
	X509_LOOKUP *lookup = X509_LOOKUP_new(X509_LOOKUP_store());

	printf("added: %d\n", X509_LOOKUP_ctrl(lookup, X509_L_ADD_STORE, NULL, 0, NULL));
	X509_LOOKUP_free(lookup);
}

static int asked;

static int count_calls(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name,
		       X509_OBJECT *ret)
{
	(void)lookup;
	(void)type;
	(void)name;
	(void)ret;
	asked++;
	return 0;
}

/* A client that finds certificates in its own way: that is asked neither more nor less often. */
static void own_source(void)
{
	struct identity root = make("root", NULL, ca_extensions);
	struct identity leaf = make("leaf", &root, leaf_extensions);
	X509_STORE *store = X509_STORE_new();
	X509_LOOKUP_METHOD *method = X509_LOOKUP_meth_new("own");

	be_anchor(&root);
	X509_LOOKUP_meth_set_get_by_subject(
		method, (X509_LOOKUP_get_by_subject_fn)(void (*)(void))count_calls);
	X509_STORE_add_lookup(store, method);
	attempt("client", store, leaf.cert, &(struct attempt){.is_server = false});
	printf("asked: %d\n", asked);
}

static STACK_OF(X509) * find_nothing(X509_STORE_CTX *ctx, const X509_NAME *name)
{
	(void)ctx;
	(void)name;
	return sk_X509_new_null();
}

/* A server whose store admits nobody, though it has the client's certificate. */
static void own_lookup(void)
{
	struct identity root = make("root", NULL, ca_extensions);
	struct identity leaf = make("leaf", &root, leaf_extensions);
	X509_STORE *store = X509_STORE_new();
	const struct attempt server = {.is_server = true, .flags = X509_V_FLAG_PARTIAL_CHAIN};

	be_anchor(&root);
	X509_STORE_add_cert(store, leaf.cert);
	X509_STORE_set_lookup_certs(store, find_nothing);
	attempt("a client first", store, make("other", NULL, ca_extensions).cert,
		&(struct attempt){.is_server = false});
	attempt("server", store, leaf.cert, &server);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{"crl-of-another-key", crl_of_another_key},
		{"own-root", own_root},
		{"own-root-seen", own_root_seen},
		{"stock-put-back", stock_put_back},
		{"own-method", own_method},
		{"own-lookup", own_lookup},
		{"own-source", own_source},
		{"copied-callback", copied_callback},
		{"own-check-time", own_check_time},
		{"many-cas", many_cas_of_one_name},
		{"mutex", mutex_over_a_load},
		{"twice", verified_twice},
		{"cross-signed", cross_signed},
		{"no-store", lookup_without_a_store},
	};

	if (argc != 3)
		return 2;
	folder = argv[2];
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run();
			return 0;
		}
	return 2;
}
