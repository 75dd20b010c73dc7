/* SPDX-License-Identifier: Apache-2.0 */
/* Stores that wander between the contexts of clients and servers: see servers.py. */
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
 */
int main(int argc, char **argv)
{
	static void (*const ways[])(SSL_CTX *, X509_STORE *) = {give_set, give_set1};
	const char *corp = argv[1];
	char *const *as_server = argv + 2, *const *as_client = argv + 4;
	SSL_CTX *good_client, *good_server;

	if (argc == 10 && strcmp(argv[1], "race") == 0)
		return run_race(argv + 2);
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
