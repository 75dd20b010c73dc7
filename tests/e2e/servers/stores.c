/* SPDX-License-Identifier: Apache-2.0 */
/* Stores that wander between the contexts of clients and servers: see servers.py. */
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static SSL_CTX *new_ctx(const SSL_METHOD *method, char *const *cert_and_key)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	SSL_CTX_use_certificate_chain_file(ctx, cert_and_key[0]);
	SSL_CTX_use_PrivateKey_file(ctx, cert_and_key[1], SSL_FILETYPE_PEM);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return ctx;
}

/* A handshake with both ends in one process; true: each end is content with the other. */
static bool handshake(SSL_CTX *client_ctx, SSL_CTX *server_ctx, long *client_result,
		      long *server_result)
{
	SSL *client = SSL_new(client_ctx), *server = SSL_new(server_ctx);
	BIO *near = NULL, *far = NULL;
	int client_done = 0, server_done = 0;

	BIO_new_bio_pair(&near, 65536, &far, 65536);
	SSL_set_bio(client, near, near);
	SSL_set_bio(server, far, far);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	for (int i = 0; i < 8; i++) {
		client_done = SSL_do_handshake(client);
		server_done = SSL_do_handshake(server);
	}
	*client_result = SSL_get_verify_result(client);
	*server_result = SSL_get_verify_result(server);
	SSL_free(client);
	SSL_free(server);
	return client_done == 1 && server_done == 1;
}

static void shake(const char *what, SSL_CTX *client_ctx, SSL_CTX *server_ctx)
{
	long client, server;
	bool accepted = handshake(client_ctx, server_ctx, &client, &server);

	printf("%s: client %ld server %ld %s\n", what, client, server,
	       accepted ? "accepted" : "refused");
}

/* Either way of giving a store takes a reference from here. */
static void give_set(SSL_CTX *ctx, X509_STORE *store)
{
	X509_STORE_up_ref(store);
	SSL_CTX_set_cert_store(ctx, store);
}

static void give_set1(SSL_CTX *ctx, X509_STORE *store)
{
	SSL_CTX_set1_cert_store(ctx, store);
}

/* One context in both roles, in several threads at once. */
enum { ROUNDS = 400 };

static struct {
	SSL_CTX *both, *good_server, *corp_client, *own_client;
	atomic_uint wrong_as_client, let_in, kept_out;
} race;

static void *as_client_again(void *arg)
{
	long client, server;

	(void)arg;
	for (int i = 0; i < ROUNDS; i++)
		if (!handshake(race.both, race.good_server, &client, &server) || client != 0)
			race.wrong_as_client++;
	return NULL;
}

static void *as_server_again(void *arg)
{
	long client, server;

	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		if (handshake(race.corp_client, race.both, &client, &server) || server == 0)
			race.let_in++;
		if (!handshake(race.own_client, race.both, &client, &server))
			race.kept_out++;
	}
	return NULL;
}

static int run_race(char *const *argv)
{
	const char *corp = argv[0], *own = argv[1];
	char *const *as_server = argv + 2, *const *corp_client = argv + 4,
		    *const *own_client = argv + 6;
	pthread_t thread[6];

	race.both = new_ctx(TLS_method(), as_server);
	SSL_CTX_load_verify_locations(race.both, own, NULL);
	race.good_server = new_ctx(TLS_server_method(), as_server);
	SSL_CTX_set_verify(race.good_server, SSL_VERIFY_NONE, NULL);
	race.corp_client = new_ctx(TLS_client_method(), corp_client);
	race.own_client = new_ctx(TLS_client_method(), own_client);
	SSL_CTX_load_verify_locations(race.corp_client, corp, NULL);
	SSL_CTX_load_verify_locations(race.own_client, corp, NULL);
	for (size_t i = 0; i < 6; i++)
		pthread_create(&thread[i], NULL, i % 2 == 0 ? as_client_again : as_server_again,
			       NULL);
	for (size_t i = 0; i < 6; i++)
		pthread_join(thread[i], NULL);
	printf("servers not trusted %u, clients let in %u, own clients kept out %u\n",
	       atomic_load(&race.wrong_as_client), atomic_load(&race.let_in),
	       atomic_load(&race.kept_out));
	SSL_CTX_free(race.both);
	SSL_CTX_free(race.good_server);
	SSL_CTX_free(race.corp_client);
	SSL_CTX_free(race.own_client);
	return 0;
}

/* Each way to load the corporate CA, given as a file, a directory with hashed names, and as a
 * TRUSTED CERTIFICATE for clients. */
struct places {
	const char *file, *dir, *trusted, *der;
};

static void load_file(SSL_CTX *ctx, const struct places *p)
{
	SSL_CTX_load_verify_file(ctx, p->file);
}

static void load_dir(SSL_CTX *ctx, const struct places *p)
{
	SSL_CTX_load_verify_dir(ctx, p->dir);
}

static void load_both(SSL_CTX *ctx, const struct places *p)
{
	SSL_CTX_load_verify_locations(ctx, p->file, p->dir);
}

static void load_trusted(SSL_CTX *ctx, const struct places *p)
{
	SSL_CTX_load_verify_file(ctx, p->trusted);
}

static void load_uri(SSL_CTX *ctx, const char *path, const char *scheme)
{
	char uri[4096];

	snprintf(uri, sizeof(uri), "%s%s", scheme, path);
	SSL_CTX_load_verify_store(ctx, uri);
}

static void load_store_of_a_file(SSL_CTX *ctx, const struct places *p)
{
	load_uri(ctx, p->file, "");
}

static void load_store_by_a_uri(SSL_CTX *ctx, const struct places *p)
{
	load_uri(ctx, p->file, "file:");
}

static void load_store_by_a_full_uri(SSL_CTX *ctx, const struct places *p)
{
	load_uri(ctx, p->file, "file://");
}

static void load_store_of_a_dir(SSL_CTX *ctx, const struct places *p)
{
	load_uri(ctx, p->dir, "file:");
}

static X509_LOOKUP *lookup_of(SSL_CTX *ctx, X509_LOOKUP_METHOD *method)
{
	return X509_STORE_add_lookup(SSL_CTX_get_cert_store(ctx), method);
}

static void look_up_file(SSL_CTX *ctx, const struct places *p)
{
	X509_LOOKUP_load_file(lookup_of(ctx, X509_LOOKUP_file()), p->file, X509_FILETYPE_PEM);
}

static void look_up_der(SSL_CTX *ctx, const struct places *p)
{
	X509_LOOKUP_load_file(lookup_of(ctx, X509_LOOKUP_file()), p->der, X509_FILETYPE_ASN1);
}

static void look_up_dir(SSL_CTX *ctx, const struct places *p)
{
	X509_LOOKUP_add_dir(lookup_of(ctx, X509_LOOKUP_hash_dir()), p->dir, X509_FILETYPE_PEM);
}

static void look_up_store(SSL_CTX *ctx, const struct places *p)
{
	X509_LOOKUP_add_store(lookup_of(ctx, X509_LOOKUP_store()), p->file);
}

static void add_object(SSL_CTX *ctx, const char *path)
{
	BIO *in = BIO_new_file(path, "r");
	X509 *cert = PEM_read_bio_X509_AUX(in, NULL, NULL, NULL);

	X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert);
	X509_free(cert);
	BIO_free(in);
}

static void add_plain(SSL_CTX *ctx, const struct places *p)
{
	add_object(ctx, p->file);
}

static void add_trusted(SSL_CTX *ctx, const struct places *p)
{
	add_object(ctx, p->trusted);
}

static const struct {
	const char *name;
	void (*load)(SSL_CTX *ctx, const struct places *places);
	bool for_clients; /* the settings of what it loads do not let it vouch for servers */
} loads[] = {
	{"file", load_file, false},
	{"directory", load_dir, false},
	{"file and directory", load_both, false},
	{"trusted file", load_trusted, true},
	{"store of a file", load_store_of_a_file, false},
	{"store by a URI", load_store_by_a_uri, false},
	{"store by a full URI", load_store_by_a_full_uri, false},
	{"store of a directory", load_store_of_a_dir, false},
	{"lookup of a file", look_up_file, false},
	{"lookup of a DER file", look_up_der, false},
	{"lookup of a directory", look_up_dir, false},
	{"lookup of a store", look_up_store, false},
	{"certificate", add_plain, false},
	{"trusted certificate", add_trusted, true},
};

/* A context is a client first, then it loads its CA for clients. */
static int run_late(char *const *argv)
{
	const struct places places = {argv[0], argv[1], argv[2], argv[3]};
	SSL_CTX *client = new_ctx(TLS_client_method(), argv + 6);
	SSL_CTX *server = new_ctx(TLS_server_method(), argv + 4);

	SSL_CTX_load_verify_file(client, places.file);
	SSL_CTX_set_verify(server, SSL_VERIFY_NONE, NULL);
	for (size_t i = 0; i < sizeof(loads) / sizeof(*loads); i++) {
		for (int again = 0; again < 2; again++) {
			SSL_CTX *both = new_ctx(TLS_method(), argv + 4);

			shake("as a client", both, server);
			loads[i].load(both, &places);
			shake(loads[i].name, client, both);
			SSL_CTX_free(both);
		}
	}
	SSL_CTX_free(client);
	SSL_CTX_free(server);
	return 0;
}

/* A client of its own CA, which has the name of an anchor; loaded before any use, and after one. */
static int run_same_name(char *const *argv)
{
	const struct places places = {argv[0], argv[1], argv[2], argv[3]};
	SSL_CTX *server = new_ctx(TLS_server_method(), argv + 4);

	SSL_CTX_set_verify(server, SSL_VERIFY_NONE, NULL);
	for (size_t i = 0; i < sizeof(loads) / sizeof(*loads); i++) {
		for (int late = 0; late < 2; late++) {
			for (int generic = 0; generic < 2; generic++) {
				SSL_CTX *ctx = new_ctx(generic ? TLS_method() : TLS_client_method(),
						       argv + 6);

				if (loads[i].for_clients)
					continue;
				if (late)
					shake("nothing", ctx, server);
				loads[i].load(ctx, &places);
				shake(loads[i].name, ctx, server);
				SSL_CTX_free(ctx);
			}
		}
	}
	SSL_CTX_free(server);
	return 0;
}

static int objects(X509_STORE *store)
{
	return sk_X509_OBJECT_num(X509_STORE_get0_objects(store));
}

/* Stores that were made with a client's context, and are a server's when something is loaded. */
static int run_handed_over(char *const *argv)
{
	static void (*const ways[])(SSL_CTX *, X509_STORE *) = {give_set, give_set1};

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		for (int through_ctx = 0; through_ctx < 2; through_ctx++) {
			SSL_CTX *client = SSL_CTX_new(TLS_client_method());
			SSL_CTX *server = SSL_CTX_new(TLS_server_method());
			X509_STORE *store = SSL_CTX_get_cert_store(client);

			ways[i](server, store);
			if (through_ctx)
				SSL_CTX_load_verify_file(server, argv[0]);
			else
				X509_STORE_load_file(store, argv[0]);
			printf("given: %d\n", objects(store));
			SSL_CTX_free(client);
			SSL_CTX_free(server);
		}
	}
	for (int how = 0; how < 3; how++) {
		SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

		SSL_CTX_set_ssl_version(ctx, TLS_server_method());
		if (how == 0)
			SSL_CTX_load_verify_file(ctx, argv[0]);
		else if (how == 1)
			X509_STORE_load_file(SSL_CTX_get_cert_store(ctx), argv[0]);
		else
			add_object(ctx, argv[0]);
		printf("made a server: %d\n", objects(SSL_CTX_get_cert_store(ctx)));
		SSL_CTX_free(ctx);
	}
	return 0;
}

/* The first use as a client, while another thread loads a long bundle with the CA for clients at
 * its end. */
static struct {
	SSL_CTX *both;
	const char *bundle;
	atomic_bool loaded;
} loading;

static void *load_bundle(void *arg)
{
	(void)arg;
	SSL_CTX_load_verify_locations(loading.both, loading.bundle, NULL);
	loading.loaded = true;
	return NULL;
}

static int run_during(char *const *argv)
{
	SSL_CTX *client = new_ctx(TLS_client_method(), argv + 4);
	SSL_CTX *server = new_ctx(TLS_server_method(), argv + 2);
	int rounds = 0;

	loading.bundle = argv[1];
	SSL_CTX_load_verify_file(client, argv[0]);
	SSL_CTX_set_verify(server, SSL_VERIFY_NONE, NULL);
	for (int tries = 0; tries < 100 && rounds < 3; tries++) {
		long as_client, as_server;
		pthread_t thread;
		bool meanwhile, accepted;

		loading.both = new_ctx(TLS_method(), argv + 2);
		loading.loaded = false;
		pthread_create(&thread, NULL, load_bundle, NULL);
		handshake(loading.both, server, &as_client, &as_server);
		meanwhile = !loading.loaded;
		pthread_join(thread, NULL);
		accepted = handshake(client, loading.both, &as_client, &as_server);
		SSL_CTX_free(loading.both);
		if (!meanwhile)
			continue;
		rounds++;
		printf("during the load: server %ld %s\n", as_server,
		       accepted ? "accepted" : "refused");
	}
	SSL_CTX_free(client);
	SSL_CTX_free(server);
	return 0;
}

static int accept_all(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	return 1;
}

/* What a client sends along with its certificate, after it has verified a server. */
static int run_sent(char *const *argv, int cas)
{
	SSL_CTX *client = new_ctx(TLS_client_method(), argv);
	SSL_CTX *server = new_ctx(TLS_server_method(), argv);

	SSL_CTX_set_verify(server, SSL_VERIFY_PEER, accept_all);
	for (int i = 0; i < cas; i++)
		SSL_CTX_load_verify_file(client, argv[2 + i]);
	for (int again = 0; again < 2; again++) {
		SSL *near = SSL_new(client), *far = SSL_new(server);
		BIO *one = NULL, *other = NULL;

		SSL_set_verify(near, SSL_VERIFY_PEER, accept_all);
		BIO_new_bio_pair(&one, 65536, &other, 65536);
		SSL_set_bio(near, one, one);
		SSL_set_bio(far, other, other);
		SSL_set_connect_state(near);
		SSL_set_accept_state(far);
		for (int i = 0; i < 8; i++) {
			SSL_do_handshake(near);
			SSL_do_handshake(far);
		}
		printf("sent along: %d\n", sk_X509_num(SSL_get_peer_cert_chain(far)));
		SSL_free(near);
		SSL_free(far);
	}
	SSL_CTX_free(client);
	SSL_CTX_free(server);
	return 0;
}

/*
 * A generic context between uses as a client, with its own CA loaded before the first of them or
 * after it.
 */
static int run_both_roles(char *const *argv)
{
	const char *own = argv[0];
	char *const *as_server = argv + 1, *const *as_client = argv + 3;
	SSL_CTX *good_server = new_ctx(TLS_server_method(), as_server);
	SSL_CTX *client = new_ctx(TLS_client_method(), as_client);

	SSL_CTX_set_verify(good_server, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_verify(client, SSL_VERIFY_NONE, NULL);
	for (int late = 0; late < 2; late++) {
		SSL_CTX *both = new_ctx(TLS_method(), as_server);

		if (!late)
			SSL_CTX_load_verify_locations(both, own, NULL);
		shake("as a client", both, good_server);
		if (late)
			SSL_CTX_load_verify_locations(both, own, NULL);
		for (int i = 0; i < 2; i++) {
			shake("as a server", client, both);
			shake("as a client", both, good_server);
		}
		SSL_CTX_free(both);
	}
	SSL_CTX_free(good_server);
	SSL_CTX_free(client);
	return 0;
}

/*
 * stores both OWN-CA SERVER-CHAIN SERVER-KEY CLIENT-CHAIN CLIENT-KEY
 * stores CORP-CA SERVER-CHAIN SERVER-KEY CLIENT-CERT CLIENT-KEY
 * stores race CORP-CA OWN-CA SERVER-CHAIN SERVER-KEY CLIENT-CERT CLIENT-KEY OWN-CERT OWN-KEY
 * stores late|same-name CORP-CA DIR TRUSTED DER SERVER-CHAIN SERVER-KEY CLIENT-CERT CLIENT-KEY
 * stores handed-over CA
 * stores sent CERT KEY CA...
 * stores during CORP-CA BUNDLE SERVER-CHAIN SERVER-KEY CLIENT-CERT CLIENT-KEY
 */
int main(int argc, char **argv)
{
	static void (*const ways[])(SSL_CTX *, X509_STORE *) = {give_set, give_set1};
	const char *corp = argv[1];
	char *const *as_server = argv + 2, *const *as_client = argv + 4;
	SSL_CTX *good_client, *good_server;

	if (argc == 10 && strcmp(argv[1], "race") == 0)
		return run_race(argv + 2);
	if (argc == 10 && strcmp(argv[1], "late") == 0)
		return run_late(argv + 2);
	if (argc == 10 && strcmp(argv[1], "same-name") == 0)
		return run_same_name(argv + 2);
	if (argc == 3 && strcmp(argv[1], "handed-over") == 0)
		return run_handed_over(argv + 2);
	if (argc > 4 && strcmp(argv[1], "sent") == 0)
		return run_sent(argv + 2, argc - 4);
	if (argc == 8 && strcmp(argv[1], "during") == 0)
		return run_during(argv + 2);
	if (argc == 7 && strcmp(argv[1], "both") == 0)
		return run_both_roles(argv + 2);
	if (argc != 6)
		return 2;
	good_client = new_ctx(TLS_client_method(), as_client);
	good_server = new_ctx(TLS_method(), as_server);
	SSL_CTX_load_verify_locations(good_client, corp, NULL);
	SSL_CTX_load_verify_locations(good_server, corp, NULL);
	shake("all loaded", good_client, good_server);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		void (*give)(SSL_CTX *, X509_STORE *) = ways[i];
		X509_STORE *store = X509_STORE_new();
		SSL_CTX *client = new_ctx(TLS_client_method(), as_client);
		SSL_CTX *server = new_ctx(TLS_method(), as_server);

		give(client, store);
		shake("empty store given to a client", client, good_server);
		give(server, store);
		shake("the same store given to a server", good_client, server);
		X509_STORE_load_locations(store, corp, NULL);
		shake("the server's own load into it", good_client, server);
		X509_STORE_free(store);
		SSL_CTX_free(client);
		SSL_CTX_free(server);

		store = X509_STORE_new();
		X509_STORE_load_locations(store, corp, NULL);
		client = new_ctx(TLS_client_method(), as_client);
		server = new_ctx(TLS_method(), as_server);
		give(client, store);
		give(server, store);
		shake("loaded store given to a client", client, good_server);
		shake("and to a server", good_client, server);
		X509_STORE_free(store);
		SSL_CTX_free(client);
		SSL_CTX_free(server);

		client = new_ctx(TLS_method(), as_client);
		server = new_ctx(TLS_server_method(), as_server);
		shake("generic context as a client", client, good_server);
		give(server, SSL_CTX_get_cert_store(client));
		shake("its store in a server", good_client, server);
		SSL_CTX_load_verify_locations(server, corp, NULL);
		shake("and loaded through the server", good_client, server);
		SSL_CTX_free(client);
		SSL_CTX_free(server);

		client = new_ctx(TLS_method(), as_client);
		server = new_ctx(TLS_server_method(), as_server);
		shake("generic context as a client", client, good_server);
		SSL_CTX_load_verify_locations(client, corp, NULL);
		give(server, SSL_CTX_get_cert_store(client));
		shake("loaded, its store in a server", good_client, server);
		SSL_CTX_free(client);
		SSL_CTX_free(server);
	}
	SSL_CTX_free(good_client);
	SSL_CTX_free(good_server);
	return 0;
}
