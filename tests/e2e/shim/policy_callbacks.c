/* SPDX-License-Identifier: Apache-2.0 */
/* A program's own callbacks, round and inside a verification: see policy_callbacks.py. */
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

static SSL_CTX *client_ctx, *server_ctx;
static int calls;

static void handshake(void)
{
	SSL *client = SSL_new(client_ctx), *server = SSL_new(server_ctx);
	BIO *near = NULL, *far = NULL;
	int client_done = 0, server_done = 0;

	calls = 0;
	BIO_new_bio_pair(&near, 65536, &far, 65536);
	SSL_set_bio(client, near, near);
	SSL_set_bio(server, far, far);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	for (int i = 0; i < 8; i++) {
		client_done = SSL_do_handshake(client);
		server_done = SSL_do_handshake(server);
	}
	printf("client %d %ld server %d %ld, %d calls, %lu\n", client_done,
	       SSL_get_verify_result(client), server_done, SSL_get_verify_result(server), calls,
	       ERR_peek_error());
	ERR_clear_error();
	SSL_free(client);
	SSL_free(server);
}

/* Verifies what is being verified. */
static int verify_again(int ok, X509_STORE_CTX *ctx)
{
	int error = X509_STORE_CTX_get_error(ctx), ret;

	calls++;
	ret = X509_verify_cert(ctx);
	printf("within: %d, error %d\n", ret, X509_STORE_CTX_get_error(ctx));
	ERR_clear_error();
	X509_STORE_CTX_set_error(ctx, error);
	return ok;
}

static int verify_mine(X509_STORE_CTX *ctx)
{
	(void)ctx;
	return 1;
}

static int second(int ok, X509_STORE_CTX *ctx)
{
	(void)ctx;
	calls++;
	return ok;
}

static int replace(int ok, X509_STORE_CTX *ctx)
{
	X509_STORE_CTX_set_verify_cb(ctx, second);
	X509_STORE_CTX_set_verify(ctx, verify_mine);
	return ok;
}

static int count(int ok, X509_STORE_CTX *ctx)
{
	(void)ctx;
	calls++;
	return ok;
}

static int verify_and_look(X509_STORE_CTX *ctx, void *arg)
{
	X509_STORE_CTX_verify_fn verify = X509_STORE_CTX_get_verify(ctx);
	int ret;

	X509_STORE_CTX_set_verify_cb(ctx, *(X509_STORE_CTX_verify_cb *)arg);
	ret = X509_verify_cert(ctx);
	printf("callback: %s, verify: %s\n",
	       X509_STORE_CTX_get_verify_cb(ctx) == *(X509_STORE_CTX_verify_cb *)arg ? "as it was"
	       : X509_STORE_CTX_get_verify_cb(ctx) == second			     ? "second"
										     : "?",
	       X509_STORE_CTX_get_verify(ctx) == verify	       ? "as it was"
	       : X509_STORE_CTX_get_verify(ctx) == verify_mine ? "mine"
							       : "?");
	return ret;
}

static jmp_buf out;

static int leave(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	longjmp(out, 1);
}

static int verify_and_leave(X509_STORE_CTX *ctx, void *arg)
{
	int ret;

	(void)arg;
	X509_STORE_CTX_set_verify_cb(ctx, leave);
	if (setjmp(out) == 0)
		return X509_verify_cert(ctx);
	/* Left half-way, it can't be verified; made anew, it can. */
	ret = X509_verify_cert(ctx);
	printf("left: %d, error %d\n", ret, X509_STORE_CTX_get_error(ctx));
	ERR_clear_error();
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

/* policy_callbacks null|again|replace|leave OWN-CA SERVER-CHAIN SERVER-KEY */
int main(int argc, char **argv)
{
	static X509_STORE_CTX_verify_cb counting = count, replacing = replace;

	if (argc != 5)
		return 2;
	client_ctx = SSL_CTX_new(TLS_client_method());
	server_ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate_chain_file(server_ctx, argv[3]);
	SSL_CTX_use_PrivateKey_file(server_ctx, argv[4], SSL_FILETYPE_PEM);
	SSL_CTX_set_verify(client_ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_load_verify_locations(client_ctx, argv[2], NULL);
	if (strcmp(argv[1], "null") == 0) {
		X509_STORE_CTX *ctx = X509_STORE_CTX_new();

		printf("without anything: %d\n", X509_verify_cert(ctx));
		X509_STORE_CTX_free(ctx);
		/* OpenSSL 1.1.1 does not look. */
		if (OpenSSL_version_num() >= 0x30000000UL)
			printf("without a context: %d\n", X509_verify_cert(NULL));
		ERR_clear_error();
	} else if (strcmp(argv[1], "again") == 0) {
		SSL_CTX_set_verify(client_ctx, SSL_VERIFY_PEER, verify_again);
	} else if (strcmp(argv[1], "replace") == 0) {
		SSL_CTX_set_cert_verify_callback(client_ctx, verify_and_look, &counting);
		handshake();
		SSL_CTX_set_cert_verify_callback(client_ctx, verify_and_look, &replacing);
	} else if (strcmp(argv[1], "leave") == 0) {
		SSL_CTX_set_cert_verify_callback(client_ctx, verify_and_leave, NULL);
		handshake();
		SSL_CTX_set_cert_verify_callback(client_ctx, NULL, NULL);
	}
	for (int i = 0; i < 3; i++)
		handshake();
	SSL_CTX_free(client_ctx);
	SSL_CTX_free(server_ctx);
	return 0;
}
