/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that is to end at its next cancellation point, and has none in OpenSSL. */
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>

static void *first_use(void *arg)
{
	SSL_CTX *ctx;

	pthread_cancel(pthread_self());
	ctx = SSL_CTX_new(TLS_client_method());
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	SSL_CTX_free(ctx);
	return arg;
}

int main(void)
{
	pthread_t thread;
	void *result;

	OPENSSL_init_ssl(0, NULL);
	if (pthread_create(&thread, NULL, first_use, NULL) != 0 ||
	    pthread_join(thread, &result) != 0)
		return 1;
	puts(result == PTHREAD_CANCELED ? "ended" : "not ended");
	return 0;
}
