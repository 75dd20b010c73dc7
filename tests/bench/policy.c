/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's share of TLS handshakes, both ends in one process and no socket between: see policy.
 * policy CHAIN CAFILE|- COUNT prints the CPU time of one in nanoseconds: the tenth percentile,
 * since what is slower is other programs' doing.
 */
#include <openssl/ssl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long cpu_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000L + now.tv_nsec;
}

/* By itself, so that a profiler can count this and nothing else. */
__attribute__((noinline)) int client_step(SSL *client);

int client_step(SSL *client)
{
	return SSL_do_handshake(client);
}

static long handshake(SSL_CTX *client_ctx, SSL_CTX *server_ctx)
{
	SSL *client = SSL_new(client_ctx), *server = SSL_new(server_ctx);
	BIO *near = NULL, *far = NULL;
	int done = 0;
	long taken = 0;

	BIO_new_bio_pair(&near, 65536, &far, 65536);
	SSL_set_bio(client, near, near);
	SSL_set_bio(server, far, far);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	SSL_set1_host(client, "localhost");
	for (int i = 0; i < 8 && done != 1; i++) {
		long start = cpu_time();

		done = client_step(client);
		taken += cpu_time() - start;
		SSL_do_handshake(server);
	}
	if (done != 1 || SSL_get_verify_result(client) != 0) {
		fprintf(stderr, "verification: %ld\n", SSL_get_verify_result(client));
		exit(1);
	}
	SSL_free(client);
	SSL_free(server);
	return taken;
}

static int by_size(const void *a, const void *b)
{
	const long *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int main(int argc, char *argv[])
{
	SSL_CTX *client = SSL_CTX_new(TLS_client_method()),
		*server = SSL_CTX_new(TLS_server_method());
	int count = argc == 4 ? (int)strtol(argv[3], NULL, 10) : 0;
	long *taken;

	if (count < 1)
		return 2;
	if (SSL_CTX_use_certificate_chain_file(server, argv[1]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(server, argv[1], SSL_FILETYPE_PEM) != 1)
		return 3;
	SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
	if (strcmp(argv[2], "-") != 0 && SSL_CTX_load_verify_locations(client, argv[2], NULL) != 1)
		return 4;
	taken = calloc((size_t)count, sizeof(*taken));
	if (taken == NULL)
		return 5;
	/* The first reads the trust directory. */
	handshake(client, server);
	for (int i = 0; i < count; i++)
		taken[i] = handshake(client, server);
	qsort(taken, (size_t)count, sizeof(*taken), by_size);
	printf("%ld\n", taken[count / 10]);
	free(taken);
	SSL_CTX_free(client);
	SSL_CTX_free(server);
	return 0;
}
