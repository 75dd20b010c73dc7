/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls every function of OpenSSL's that shim/hooks.def names, each for a client's context of its
 * own: see table.py. A new row there does not compile here without a call.
 */
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <stdio.h>

static const char *file, *dir;
static X509 *cert;

#define STORE SSL_CTX_get_cert_store(*ctx)

/* Each with a new context for clients in *ctx; returns what the function did, 1 where that is
 * nothing.
 */
#define CALL(name, call)                                                                           \
	static int call_##name(SSL_CTX **ctx)                                                      \
	{                                                                                          \
		return call;                                                                       \
	}

static int renew(SSL_CTX **ctx, SSL_CTX *other)
{
	SSL_CTX_free(*ctx);
	*ctx = other;
	return X509_STORE_add_cert(STORE, cert);
}

static X509_LOOKUP *lookup(SSL_CTX **ctx)
{
	return X509_STORE_add_lookup(STORE, X509_LOOKUP_file());
}

static int get_store(SSL_CTX **ctx)
{
	X509_STORE_CTX *verification = X509_STORE_CTX_new();
	int ret;

	X509_STORE_CTX_init(verification, STORE, cert, NULL);
	ret = X509_STORE_CTX_get0_store(verification) == STORE;
	X509_STORE_CTX_free(verification);
	return ret;
}

/* As libssl does it for a client. */
static int verify(SSL_CTX **ctx)
{
	X509_STORE_CTX *verification = X509_STORE_CTX_new();
	SSL *ssl = SSL_new(*ctx);

	SSL_set_connect_state(ssl);
	X509_STORE_CTX_init(verification, STORE, cert, NULL);
	X509_STORE_CTX_set_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx(), ssl);
	X509_verify_cert(verification);
	X509_STORE_CTX_free(verification);
	SSL_free(ssl);
	return 1;
}

CALL(SSL_CTX_new, renew(ctx, SSL_CTX_new(TLS_client_method())))
CALL(SSL_CTX_new_ex, renew(ctx, SSL_CTX_new_ex(NULL, NULL, TLS_client_method())))
CALL(SSL_CTX_load_verify_locations, SSL_CTX_load_verify_locations(*ctx, file, dir))
CALL(SSL_CTX_load_verify_file, SSL_CTX_load_verify_file(*ctx, file))
CALL(SSL_CTX_load_verify_dir, SSL_CTX_load_verify_dir(*ctx, dir))
CALL(SSL_CTX_load_verify_store, SSL_CTX_load_verify_store(*ctx, dir))
CALL(SSL_CTX_set_default_verify_paths, SSL_CTX_set_default_verify_paths(*ctx))
CALL(SSL_CTX_set_default_verify_file, SSL_CTX_set_default_verify_file(*ctx))
CALL(SSL_CTX_set_default_verify_dir, SSL_CTX_set_default_verify_dir(*ctx))
CALL(SSL_CTX_set_default_verify_store, SSL_CTX_set_default_verify_store(*ctx))
CALL(SSL_CTX_get_cert_store, SSL_CTX_get_cert_store(*ctx) != NULL)
CALL(X509_STORE_CTX_get0_store, get_store(ctx))
CALL(X509_STORE_load_locations, X509_STORE_load_locations(STORE, file, dir))
CALL(X509_STORE_load_locations_ex, X509_STORE_load_locations_ex(STORE, file, dir, NULL, NULL))
CALL(X509_STORE_load_file, X509_STORE_load_file(STORE, file))
CALL(X509_STORE_load_file_ex, X509_STORE_load_file_ex(STORE, file, NULL, NULL))
CALL(X509_STORE_set_default_paths, X509_STORE_set_default_paths(STORE))
CALL(X509_STORE_set_default_paths_ex, X509_STORE_set_default_paths_ex(STORE, NULL, NULL))
CALL(X509_LOOKUP_ctrl,
     X509_LOOKUP_ctrl(lookup(ctx), X509_L_FILE_LOAD, file, X509_FILETYPE_PEM, NULL))
CALL(X509_LOOKUP_ctrl_ex,
     X509_LOOKUP_ctrl_ex(lookup(ctx), X509_L_FILE_LOAD, file, X509_FILETYPE_PEM, NULL, NULL, NULL))
CALL(X509_STORE_add_lookup, X509_STORE_add_lookup(STORE, X509_LOOKUP_file()) != NULL)
CALL(X509_verify_cert, verify(ctx))

static const struct {
	const char *name;
	int (*call)(SSL_CTX **ctx);
} rows[] = {
/* Those of libc and GnuTLS are for files.py and gnutls.py. */
#define HOOK_SSL(kind, name, ...) {#name, call_##name},
#define HOOK_X509(kind, name, ...) {#name, call_##name},
#include "hooks.def"
};

/* table FILE DIR */
int main(int argc, char **argv)
{
	BIO *in;

	if (argc != 3)
		return 2;
	file = argv[1];
	dir = argv[2];
	in = BIO_new_file(file, "r");
	cert = PEM_read_bio_X509(in, NULL, NULL, NULL);
	BIO_free(in);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
		int ret = rows[i].call(&ctx);

		printf("%s %d %d\n", rows[i].name, ret,
		       sk_X509_OBJECT_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(ctx))));
		SSL_CTX_free(ctx);
	}
	X509_free(cert);
	return 0;
}
