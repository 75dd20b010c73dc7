/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program of OpenSSL 1.0.2's time, with clients and a server: see copies.py. The prototypes are
 * by hand, since no headers of that version are there.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef void any; /* of OpenSSL's */

int SSL_library_init(void);
void SSL_load_error_strings(void);
const char *SSLeay_version(int what);
const any *SSLv23_client_method(void);
const any *SSLv23_server_method(void);
any *SSL_CTX_new(const any *method);
void SSL_CTX_free(any *ctx);
long SSL_CTX_ctrl(any *ctx, int command, long number, void *pointer);
int SSL_CTX_use_certificate_chain_file(any *ctx, const char *path);
int SSL_CTX_use_PrivateKey_file(any *ctx, const char *path, int type);
void SSL_CTX_set_verify(any *ctx, int mode, int (*callback)(int ok, any *store_ctx));
int SSL_CTX_load_verify_locations(any *ctx, const char *file, const char *dir);
int SSL_CTX_set_default_verify_paths(any *ctx);
void SSL_CTX_set_cert_store(any *ctx, any *store);
any *SSL_CTX_get_cert_store(const any *ctx);
int SSL_CTX_set_ssl_version(any *ctx, const any *method);
any *SSL_new(any *ctx);
void SSL_free(any *ssl);
void SSL_set_bio(any *ssl, any *in, any *out);
void SSL_set_connect_state(any *ssl);
void SSL_set_accept_state(any *ssl);
int SSL_do_handshake(any *ssl);
long SSL_get_verify_result(const any *ssl);
int BIO_new_bio_pair(any **one, size_t size, any **other, size_t other_size);
any *BIO_new_file(const char *path, const char *mode);
int BIO_free(any *bio);
any *PEM_read_bio_X509(any *bio, any **cert, void *callback, void *arg);
void X509_free(any *cert);
any *X509_STORE_new(void);
int X509_STORE_load_locations(any *store, const char *file, const char *dir);
int X509_STORE_set_default_paths(any *store);
int X509_STORE_add_cert(any *store, any *cert);
any *X509_STORE_add_lookup(any *store, any *method);
any *X509_LOOKUP_file(void);
any *X509_LOOKUP_hash_dir(void);
int X509_LOOKUP_ctrl(any *lookup, int command, const char *name, long type, char **result);
unsigned long ERR_get_error(void);

enum { VERIFY_PEER = 1, TYPE_PEM = 1, SET_ECDH_AUTO = 94, FILE_LOAD = 1, ADD_DIR = 2 };

static int observe(int ok, any *store_ctx)
{
	(void)store_ctx;
	return ok;
}

static void shake(const char *what, any *client_ctx, any *server_ctx)
{
	any *client = SSL_new(client_ctx), *server = SSL_new(server_ctx), *near = NULL, *far = NULL;
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
	printf("%s: client %d %ld server %d %ld, errors", what, client_done,
	       SSL_get_verify_result(client), server_done, SSL_get_verify_result(server));
	for (unsigned long e = ERR_get_error(); e != 0; e = ERR_get_error())
		printf(" %lx", e);
	printf("\n");
	SSL_free(client);
	SSL_free(server);
}

static any *new_client(void)
{
	any *ctx = SSL_CTX_new(SSLv23_client_method());

	SSL_CTX_set_verify(ctx, VERIFY_PEER, observe);
	return ctx;
}

/* old CORP-CA CHAIN KEY DIR [ANOTHER-LIBRARY] */
int main(int argc, char **argv)
{
	any *server, *client, *store, *cert, *in;

	if (argc < 5 || (argc > 5 && dlopen(argv[5], RTLD_NOW | RTLD_LOCAL) == NULL))
		return 2;
	SSL_library_init();
	SSL_load_error_strings();
	printf("%s\n", SSLeay_version(0));
	server = SSL_CTX_new(SSLv23_server_method());
	SSL_CTX_ctrl(server, SET_ECDH_AUTO, 1, NULL);
	SSL_CTX_use_certificate_chain_file(server, argv[2]);
	SSL_CTX_use_PrivateKey_file(server, argv[3], TYPE_PEM);

	client = new_client();
	shake("nothing", client, server);
	printf("%d\n", SSL_CTX_load_verify_locations(client, "/nowhere", NULL));
	printf("%d\n", SSL_CTX_load_verify_locations(client, argv[1], NULL));
	shake("file", client, server);
	SSL_CTX_free(client);

	client = new_client();
	printf("%d\n", SSL_CTX_set_default_verify_paths(client));
	printf("%d\n", SSL_CTX_load_verify_locations(client, NULL, argv[4]));
	shake("directory", client, server);
	SSL_CTX_free(client);

	client = new_client();
	store = X509_STORE_new();
	printf("%d\n", X509_STORE_load_locations(store, argv[1], NULL));
	printf("%d\n", X509_STORE_set_default_paths(store));
	SSL_CTX_set_cert_store(client, store);
	shake("store", client, server);
	SSL_CTX_free(client);

	client = new_client();
	store = SSL_CTX_get_cert_store(client);
	printf("%d\n", X509_LOOKUP_ctrl(X509_STORE_add_lookup(store, X509_LOOKUP_file()), FILE_LOAD,
					argv[1], TYPE_PEM, NULL));
	printf("%d\n", X509_LOOKUP_ctrl(X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir()),
					ADD_DIR, argv[4], TYPE_PEM, NULL));
	shake("lookup", client, server);
	SSL_CTX_free(client);

	client = new_client();
	in = BIO_new_file(argv[1], "r");
	cert = PEM_read_bio_X509(in, NULL, NULL, NULL);
	printf("%d\n", X509_STORE_add_cert(SSL_CTX_get_cert_store(client), cert));
	X509_free(cert);
	BIO_free(in);
	shake("certificate", client, server);
	printf("%d\n", SSL_CTX_set_ssl_version(client, SSLv23_server_method()));
	SSL_CTX_free(client);
	SSL_CTX_free(server);
	return 0;
}
