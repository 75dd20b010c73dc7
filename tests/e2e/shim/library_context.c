/* SPDX-License-Identifier: Apache-2.0 */
/*
 * library_context MODE CHAIN KEY: connects to itself (localhost) in a library context of its own,
 * which is the thread's default meanwhile. Prints the result of the verification. See
 * policy_contexts.py.
 *
 * shut: the global context has the null provider, which has no algorithms.
 * untouched: says afterwards if the global context has algorithms.
 * freed: does it three times, and frees the library context each time.
 */
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

static long connect_in(OSSL_LIB_CTX *own, const char *chain, const char *key)
{
	SSL_CTX *server = SSL_CTX_new_ex(own, NULL, TLS_server_method());
	SSL_CTX *client = SSL_CTX_new_ex(own, NULL, TLS_client_method());
	BIO *one = NULL, *other = NULL;
	SSL *to, *from;
	long result;

	if (SSL_CTX_use_certificate_chain_file(server, chain) != 1 ||
	    SSL_CTX_use_PrivateKey_file(server, key, SSL_FILETYPE_PEM) != 1 ||
	    BIO_new_bio_pair(&one, 0, &other, 0) != 1)
		return -1;
	SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
	to = SSL_new(client);
	from = SSL_new(server);
	SSL_set1_host(to, "localhost");
	SSL_set_bio(to, one, one);
	SSL_set_bio(from, other, other);
	SSL_set_connect_state(to);
	SSL_set_accept_state(from);
	for (int i = 0; i < 20; i++) {
		(void)SSL_do_handshake(to);
		(void)SSL_do_handshake(from);
	}
	result = SSL_get_verify_result(to);
	SSL_free(to);
	SSL_free(from);
	SSL_CTX_free(client);
	SSL_CTX_free(server);
	return result;
}

int main(int argc, char **argv)
{
	const char *mode = argc == 4 ? argv[1] : "";
	int times = strcmp(mode, "freed") == 0 ? 3 : 1;

	if (argc != 4)
		return 2;
	if (strcmp(mode, "shut") == 0 && OSSL_PROVIDER_load(NULL, "null") == NULL)
		return 2;
	for (int i = 0; i < times; i++) {
		OSSL_LIB_CTX *own = OSSL_LIB_CTX_new(), *before = OSSL_LIB_CTX_set0_default(own);
		OSSL_PROVIDER *provider = OSSL_PROVIDER_load(own, "default");

		printf("%ld\n", connect_in(own, argv[2], argv[3]));
		OSSL_LIB_CTX_set0_default(before);
		OSSL_PROVIDER_unload(provider);
		OSSL_LIB_CTX_free(own);
	}
	if (strcmp(mode, "untouched") == 0) {
		/* If the default provider is there already, the null provider does not shut it out.
		 */
		EVP_MD *digest = OSSL_PROVIDER_load(NULL, "null") == NULL
					 ? NULL
					 : EVP_MD_fetch(NULL, "SHA256", NULL);

		printf("the global context has %s\n", digest == NULL ? "nothing" : "algorithms");
		EVP_MD_free(digest);
	}
	return 0;
}
