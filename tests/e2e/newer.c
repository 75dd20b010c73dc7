/* SPDX-License-Identifier: Apache-2.0 */
/* An anchor that comes while a verification is under way: see policy_live.py. */
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static SSL_CTX *client_ctx, *near_ctx, *far_ctx;
static X509 *decoy;
static const char *from, *to;
static int looks;

static SSL_CTX *new_server(const char *chain_and_key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (SSL_CTX_use_certificate_chain_file(ctx, chain_and_key) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, chain_and_key, SSL_FILETYPE_PEM) != 1)
		exit(3);
	return ctx;
}

static long handshake(SSL_CTX *server_ctx)
{
	SSL *client = SSL_new(client_ctx), *server = SSL_new(server_ctx);
	BIO *up = NULL, *down = NULL;
	long result;

	BIO_new_bio_pair(&up, 65536, &down, 65536);
	SSL_set_bio(client, up, up);
	SSL_set_bio(server, down, down);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	for (int i = 0; i < 8; i++) {
		SSL_do_handshake(client);
		SSL_do_handshake(server);
	}
	result = SSL_get_verify_result(client);
	SSL_free(client);
	SSL_free(server);
	return result;
}

static void *until_it_is_there(void *arg)
{
	(void)arg;
	for (int i = 0; i < 100; i++) {
		STACK_OF(X509_OBJECT) * objects;
		X509_STORE *store = SSL_CTX_get_cert_store(client_ctx);

		handshake(near_ctx);
		X509_STORE_lock(store);
		objects = X509_STORE_get0_objects(store);
		looks = sk_X509_OBJECT_num(objects);
		X509_STORE_unlock(store);
		if (looks > 1)
			break;
		usleep(100000);
	}
	return NULL;
}

/* The store looks for the issuer of the anchor, which nobody but the shim does. */
static int find(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name, X509_OBJECT *ret)
{
	static int done;
	pthread_t thread;

	(void)lookup;
	if (type != X509_LU_X509 || X509_NAME_cmp(name, X509_get_subject_name(decoy)) != 0)
		return 0;
	if (!done++) {
		if (rename(from, to) != 0)
			exit(4);
		pthread_create(&thread, NULL, until_it_is_there, NULL);
		pthread_join(thread, NULL);
	}
	return X509_OBJECT_set1_X509(ret, decoy);
}

/* newer NEAR-CHAIN FAR-CHAIN DECOY FROM TO */
int main(int argc, char **argv)
{
	X509_LOOKUP_METHOD *method = X509_LOOKUP_meth_new("late");
	FILE *file;
	long result;

	if (argc != 6 || (file = fopen(argv[3], "r")) == NULL)
		return 2;
	decoy = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	from = argv[4];
	to = argv[5];
	client_ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(client_ctx, SSL_VERIFY_PEER, NULL);
	X509_LOOKUP_meth_set_get_by_subject(method,
					    (X509_LOOKUP_get_by_subject_fn)(void (*)(void))find);
	X509_STORE_add_lookup(SSL_CTX_get_cert_store(client_ctx), method);
	near_ctx = new_server(argv[1]);
	far_ctx = new_server(argv[2]);
	printf("near %ld\n", handshake(near_ctx));
	result = handshake(far_ctx);
	printf("far %ld, certificates in the store: %d\n", result, looks);
	SSL_CTX_free(client_ctx);
	SSL_CTX_free(near_ctx);
	SSL_CTX_free(far_ctx);
	X509_LOOKUP_meth_free(method);
	X509_free(decoy);
	return 0;
}
