/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library as TensorFlow's: it exports functions under OpenSSL's names, as a BoringSSL does that
 * is linked into it and not hidden, and its own calls of them go through the PLT, so they reach
 * anything that interposes. Its objects are nothing that an OpenSSL would know. See hostile.py.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAGIC = 0x5ca1ab1e, ERRNO = 4711 };

struct method {
	uint32_t magic;
};

/* Pointers where an OpenSSL has other ones: to itself, to what is no memory at all. */
struct object {
	const struct method *method;
	void *nowhere[6];
	uint32_t magic;
	unsigned calls;
};

static const struct method client_method = {MAGIC};
static unsigned strangers; /* calls with what is not of this library */

static int called(struct object *o)
{
	errno = ERRNO;
	if (o == NULL || o->magic != MAGIC) {
		strangers++;
		return 0;
	}
	o->calls++;
	return 1;
}

static struct object *new_object(const struct method *method)
{
	struct object *o = calloc(1, sizeof(*o));

	if (o == NULL)
		abort();
	o->method = method;
	memset(o->nowhere, 0x55, sizeof(o->nowhere));
	o->magic = MAGIC;
	return o;
}

const char *OpenSSL_version(int what);
const char *OpenSSL_version(int what)
{
	(void)what;
	return "OpenSSL 1.1.1 (compatible; BoringSSL)";
}

unsigned long OpenSSL_version_num(void);
unsigned long OpenSSL_version_num(void)
{
	return 0x1010107fUL;
}

const struct method *TLS_client_method(void);
const struct method *TLS_client_method(void)
{
	return &client_method;
}

struct object *SSL_CTX_new(const struct method *method);
struct object *SSL_CTX_new(const struct method *method)
{
	if (method == NULL || method->magic != MAGIC)
		strangers++;
	return new_object(method);
}

void *SSL_CTX_get_cert_store(const struct object *ctx);
void *SSL_CTX_get_cert_store(const struct object *ctx)
{
	return ctx->nowhere[0];
}

#define CALL(name, ...)                                                                            \
	int name(struct object *o, ##__VA_ARGS__);                                                 \
	int name(struct object *o, ##__VA_ARGS__)

CALL(SSL_CTX_load_verify_locations, const char *file, const char *dir)
{
	return called(o) && file != NULL && dir == NULL;
}

CALL(SSL_CTX_set_default_verify_paths)
{
	return called(o);
}

void SSL_CTX_set_cert_store(struct object *o, struct object *store);
void SSL_CTX_set_cert_store(struct object *o, struct object *store)
{
	if (called(o))
		called(store);
}

CALL(X509_STORE_add_cert, struct object *cert)
{
	return called(o) && called(cert);
}

CALL(X509_STORE_load_locations, const char *file, const char *dir)
{
	return called(o) && file != NULL && dir == NULL;
}

CALL(X509_STORE_set_default_paths)
{
	return called(o);
}

CALL(X509_verify_cert)
{
	return called(o);
}

/* 0, or the number of the check that failed. */
int foreign_run(void);
int foreign_run(void)
{
	struct object *ctx = SSL_CTX_new(TLS_client_method());
	struct object *store = new_object(NULL), *cert = new_object(NULL);
	int failed = 0;

#define CHECK(number, condition)                                                                   \
	do {                                                                                       \
		errno = 0;                                                                         \
		if (!(condition) || errno != ERRNO)                                                \
			failed = number;                                                           \
	} while (0)
	CHECK(1, SSL_CTX_load_verify_locations(ctx, "/nowhere", NULL) == 1);
	CHECK(2, SSL_CTX_load_verify_locations(ctx, NULL, NULL) == 0);
	CHECK(3, SSL_CTX_set_default_verify_paths(ctx) == 1);
	CHECK(4, (SSL_CTX_set_cert_store(ctx, store), 1));
	CHECK(5, X509_STORE_add_cert(store, cert) == 1);
	CHECK(6, X509_STORE_load_locations(store, "/nowhere", NULL) == 1);
	CHECK(7, X509_STORE_set_default_paths(store) == 1);
	CHECK(8, X509_verify_cert(store) == 1);
	if (ctx->calls != 4 || store->calls != 5 || cert->calls != 1)
		failed = 9;
	if (strangers != 0)
		failed = 10;
	free(ctx);
	free(store);
	free(cert);
	return failed;
}
