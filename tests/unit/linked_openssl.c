/* SPDX-License-Identifier: Apache-2.0 */
#include "linked_openssl.h"

#include "fixture.h"
#include "policy/verification.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ssl *linked_ssl(void)
{
	struct ssl *s = binding_ssl("SSL_CTX_new", NULL, NULL, TLS_method());

	ck_assert_ptr_nonnull(s);
	ck_assert(s->usable);
	return s;
}

EVP_PKEY *new_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	ck_assert_ptr_nonnull(key);
	return key;
}

static void add_extension(X509 *cert, X509 *issuer, char *line)
{
	char *value = strchr(line, '=');
	X509_EXTENSION *ext;
	X509V3_CTX ctx;

	ck_assert_ptr_nonnull(value);
	*value++ = '\0';
	X509V3_set_ctx(&ctx, issuer == NULL ? cert : issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf(NULL, &ctx, line, value);
	ck_assert_msg(ext != NULL, "%s=%s", line, value);
	ck_assert_int_eq(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

static void add_lines(X509 *cert, const struct cert_plan *plan, bool names)
{
	const char *text = names ? plan->cn : plan->extensions;
	char *copy = strdup(text == NULL ? "" : text), *rest = NULL;

	ck_assert_ptr_nonnull(copy);
	for (char *line = strtok_r(copy, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		/* A CN has 64 characters at most. */
		if (names)
			ck_assert_int_eq(X509_NAME_add_entry_by_txt(
						 X509_get_subject_name(cert),
						 strlen(line) > 64 ? "name" : "CN", MBSTRING_UTF8,
						 (const unsigned char *)line, -1, -1, 0),
					 1);
		else
			add_extension(cert, plan->issuer, line);
	}
	free(copy);
}

X509 *new_cert(const struct cert_plan *plan)
{
	static long serial = 1;
	X509 *cert = X509_new();
	long day = 86400, end = plan->expired ? -1 : 90;

	ck_assert_ptr_nonnull(cert);
	X509_set_version(cert, plan->version_1 ? X509_VERSION_1 : X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert), -9 * day);
	X509_gmtime_adj(X509_getm_notAfter(cert), end * day);
	X509_set_pubkey(cert, plan->key);
	add_lines(cert, plan, true);
	X509_set_issuer_name(cert,
			     X509_get_subject_name(plan->issuer == NULL ? cert : plan->issuer));
	add_lines(cert, plan, false);
	ck_assert_int_gt(X509_sign(cert, plan->issuer_key == NULL ? plan->key : plan->issuer_key,
				   EVP_sha256()),
			 0);
	return cert;
}

void write_cert(const char *dir, const char *name, X509 *cert)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *data = NULL;
	long len;

	ck_assert_int_eq(PEM_write_bio_X509(out, cert), 1);
	len = BIO_get_mem_data(out, &data);
	fixture_file(dir, name, data, (size_t)len);
	BIO_free(out);
}

void trust_only(const char *dir)
{
	config.active = true;
	config.sources = (struct trustdir_sources){.dirs = dir};
}

static SSL *new_connection(const struct attempt *a)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	SSL *ssl = SSL_new(ctx);

	ck_assert_ptr_nonnull(ssl);
	SSL_CTX_free(ctx);
	if (a->role == ROLE_CLIENT)
		SSL_set_connect_state(ssl);
	else
		SSL_set_accept_state(ssl);
	SSL_set_verify(ssl, a->verify_none ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	/* The macro casts its argument to void *; clang counts the const that it loses as ours. */
	if (a->sni != NULL)
		ck_assert_int_eq(SSL_set_tlsext_host_name(ssl, (uintptr_t)a->sni), 1);
	if (a->fd != 0)
		ck_assert_int_eq(SSL_set_fd(ssl, a->fd), 1);
	return ssl;
}

struct verdict verify_as(const struct attempt *a)
{
	struct crypto *crypto = linked_ssl()->crypto;
	SSL *connection = a->role == ROLE_NONE ? NULL : new_connection(a);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	struct verdict verdict;
	struct verification v;

	ck_assert_int_eq(X509_STORE_CTX_init(ctx, a->store, a->leaf, a->untrusted), 1);
	param = X509_STORE_CTX_get0_param(ctx);
	/* What a client verifies is a server. */
	if (a->role != ROLE_NONE) {
		X509_STORE_CTX_set_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx(), connection);
		X509_STORE_CTX_set_default(ctx,
					   a->role == ROLE_CLIENT ? "ssl_server" : "ssl_client");
	}
	X509_STORE_CTX_set_flags(ctx, a->flags);
	X509_VERIFY_PARAM_set_hostflags(param, a->host_flags);
	if (a->host != NULL)
		ck_assert_int_eq(X509_VERIFY_PARAM_set1_host(param, a->host, 0), 1);
	if (a->address != NULL)
		ck_assert_int_eq(X509_VERIFY_PARAM_set1_ip_asc(param, a->address), 1);
	if (a->trusted != NULL)
		X509_STORE_CTX_set0_trusted_stack(ctx, a->trusted);
	if (a->callback != NULL)
		X509_STORE_CTX_set_verify_cb(ctx, a->callback);
	v = verify_begin(crypto, ctx);
	verdict.lent = v.loan != NULL;
	verdict.ret = X509_verify_cert(ctx);
	verify_end(&v, verdict.ret);
	verdict.error = X509_STORE_CTX_get_error(ctx);
	verdict.depth = X509_STORE_CTX_get_error_depth(ctx);
	verdict.text = X509_verify_cert_error_string(verdict.error);
	verdict.in_store = sk_X509_OBJECT_num(X509_STORE_get0_objects(a->store));
	X509_STORE_CTX_free(ctx);
	SSL_free(connection);
	return verdict;
}
