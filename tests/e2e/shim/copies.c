/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS client for any OpenSSL from 1.1.1 on, and a program that uses several at once: see
 * copies.py. The same source makes
 *  - modules linked with one libssl each (-DMODULE), opened with RTLD_LOCAL;
 *  - a program linked with a libssl of its own (-DLINKED), or with none;
 *  - a client that looks everything up in a library that it opens by itself ("dlsym:PATH", after
 *    the libraries that it needs: "dlsym:PATH,PATH").
 * The prototypes are by hand: they hold for all versions, and no version's headers do.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* clang-format off */
#define API(F)                                                                   \
	F(const char *, OpenSSL_version, (int))                                  \
	F(const void *, TLS_client_method, (void))                               \
	F(const void *, TLS_method, (void))                                      \
	F(void *, SSL_CTX_new, (const void *))                                   \
	F(void, SSL_CTX_free, (void *))                                          \
	F(void *, SSL_CTX_get_cert_store, (const void *))                        \
	F(int, SSL_CTX_load_verify_locations, (void *, const char *, const char *)) \
	F(int, SSL_CTX_set_default_verify_paths, (void *))                       \
	F(void, SSL_CTX_set_verify, (void *, int, int (*)(int, void *)))         \
	F(void *, SSL_new, (void *))                                             \
	F(void, SSL_free, (void *))                                              \
	F(int, SSL_set_fd, (void *, int))                                        \
	F(int, SSL_set1_host, (void *, const char *))                            \
	F(int, SSL_connect, (void *))                                            \
	F(int, SSL_read, (void *, void *, int))                                  \
	F(int, SSL_write, (void *, const void *, int))                           \
	F(long, SSL_get_verify_result, (const void *))                           \
	F(unsigned long, ERR_peek_error, (void))                                 \
	F(unsigned long, ERR_get_error, (void))                                  \
	F(int, ERR_set_mark, (void))                                             \
	F(int, ERR_pop_to_mark, (void))                                          \
	F(void, ERR_clear_error, (void))                                         \
	F(void *, X509_STORE_new, (void))                                        \
	F(void, X509_STORE_free, (void *))                                       \
	F(int, X509_STORE_load_locations, (void *, const char *, const char *))  \
	F(int, X509_STORE_add_cert, (void *, void *))                            \
	F(void *, X509_STORE_get0_objects, (void *))                             \
	F(void *, X509_OBJECT_get0_X509, (const void *))                         \
	F(int, OPENSSL_sk_num, (const void *))                                   \
	F(void *, OPENSSL_sk_value, (const void *, int))
/* clang-format on */

#define MEMBER(type, name, params) type(*name) params;
struct api {
	API(MEMBER)
};

struct request {
	int port;
	const char *cafile;	   /* loaded before; NULL: nothing is */
	bool generic;		   /* TLS_method() instead of TLS_client_method() */
	bool defaults;		   /* the default paths as well */
	void (*inside)(void *arg); /* called from the verify callback */
	void *arg;
};

struct outcome {
	char version[32];
	int loaded, loaded_certs,
		verified_certs; /* what the loads returned, and the store's size */
	long result;
	unsigned long errors_left; /* after the loads */
	bool page;
	const void *cert[8]; /* of the store, by address */
	void *(*copy)(void); /* a function that is not hooked: which library it was */
};

typedef void client_function(const struct request *request, struct outcome *ret);

#if defined(MODULE) || defined(LINKED)
#define DECLARE(type, name, params) type name params;
API(DECLARE)
#define ADDRESS(type, name, params) .name = name,
static const struct api linked = {API(ADDRESS)};
#endif

static __thread const struct request *verifying;

static int verify_callback(int ok, void *store_ctx)
{
	const struct request *r = verifying;

	(void)store_ctx;
	if (r != NULL && r->inside != NULL) {
		r->inside(r->arg);
		verifying = r;
	}
	return ok;
}

static int store_certs(const struct api *api, void *ctx, const void **cert, int room)
{
	void *objects = api->X509_STORE_get0_objects(api->SSL_CTX_get_cert_store(ctx));
	int n = api->OPENSSL_sk_num(objects);

	for (int i = 0; i < n && i < room; i++)
		cert[i] = api->X509_OBJECT_get0_X509(api->OPENSSL_sk_value(objects, i));
	return n;
}

static void fetch(const struct api *api, const struct request *r, struct outcome *o)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)r->port)};
	static const char get[] = "GET / HTTP/1.0\r\n\r\n";
	const struct request *outer = verifying;
	const char *version = api->OpenSSL_version(0);
	char page[4096] = "";
	size_t len = 0;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	void *ctx, *ssl, *scratch;

	memset(o, 0, sizeof(*o));
	snprintf(o->version, sizeof(o->version), "%.*s", (int)strcspn(version + 8, " -"),
		 version + 8);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	o->copy = api->X509_STORE_new;
	api->ERR_clear_error();
	ctx = api->SSL_CTX_new(r->generic ? api->TLS_method() : api->TLS_client_method());
	o->loaded =
		r->cafile == NULL ? 1 : api->SSL_CTX_load_verify_locations(ctx, r->cafile, NULL);
	if (r->defaults)
		o->loaded += api->SSL_CTX_set_default_verify_paths(ctx);
	/* A store that is nobody's: loads into it work, and bring nothing but what they name. */
	scratch = api->X509_STORE_new();
	if (r->cafile != NULL)
		o->loaded += api->X509_STORE_load_locations(scratch, r->cafile, NULL);
	o->loaded += api->OPENSSL_sk_num(api->X509_STORE_get0_objects(scratch)) * 10;
	api->X509_STORE_free(scratch);
	o->errors_left = api->ERR_peek_error();
	o->loaded_certs = store_certs(api, ctx, o->cert, 0);
	api->SSL_CTX_set_verify(ctx, 1, verify_callback);
	ssl = api->SSL_new(ctx);
	api->SSL_set1_host(ssl, "localhost");
	api->SSL_set_fd(ssl, fd);
	verifying = r;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 && api->SSL_connect(ssl) == 1 &&
	    api->SSL_write(ssl, get, sizeof(get) - 1) > 0) {
		int n;

		while (len < sizeof(page) - 1 &&
		       (n = api->SSL_read(ssl, page + len, (int)(sizeof(page) - 1 - len))) > 0)
			len += (size_t)n;
	}
	verifying = outer;
	o->page = strstr(page, "the page of the lab") != NULL;
	o->result = api->SSL_get_verify_result(ssl);
	o->verified_certs = store_certs(api, ctx, o->cert, 8);
	api->SSL_free(ssl);
	api->SSL_CTX_free(ctx);
	api->ERR_clear_error();
	close(fd);
}

/*
 * What is left of the errors that were there, and of the program's mark among them, when it adds a
 * certificate. A load from a file would do away with a mark by itself in 1.1.1.
 */
static int errors(const struct api *api, const char *cafile, unsigned long *code, int room)
{
	void *ctx = api->SSL_CTX_new(api->TLS_client_method()), *scratch = api->X509_STORE_new();
	int count = 0;
	void *cert;

	api->X509_STORE_load_locations(scratch, cafile, NULL);
	cert = api->X509_OBJECT_get0_X509(
		api->OPENSSL_sk_value(api->X509_STORE_get0_objects(scratch), 0));
	api->ERR_clear_error();
	api->X509_STORE_load_locations(scratch, "/nowhere", NULL);
	api->ERR_set_mark();
	api->X509_STORE_add_cert(api->SSL_CTX_get_cert_store(ctx), cert);
	api->X509_STORE_load_locations(scratch, "/nowhere", NULL);
	if (!api->ERR_pop_to_mark())
		code[count++] = 0;
	while (count < room && (code[count] = api->ERR_get_error()) != 0)
		count++;
	api->X509_STORE_free(scratch);
	api->SSL_CTX_free(ctx);
	return count;
}

typedef int errors_function(const char *cafile, unsigned long *code, int room);

#ifdef MODULE
__attribute__((visibility("default"))) client_function client;
__attribute__((visibility("default"))) errors_function client_errors;

int client_errors(const char *cafile, unsigned long *code, int room)
{
	return errors(&linked, cafile, code, room);
}

void client(const struct request *request, struct outcome *ret)
{
	fetch(&linked, request, ret);
}
#else

enum { COPIES_MAX = 8, THREADS = 6, ROUNDS = 12 };

static struct copy {
	client_function *client;
	errors_function *errors;
	struct api api; /* where there is no client of its own */
} copies[COPIES_MAX];
static size_t copy_count;
static int port;
static const char *cafile;

static void use(const struct copy *c, const struct request *r, struct outcome *o)
{
	if (c->client != NULL)
		c->client(r, o);
	else
		fetch(&c->api, r, o);
}

static bool open_copy(const char *what, struct copy *c)
{
	static const char by_name[] = "dlsym:";
	bool look_up = strncmp(what, by_name, strlen(by_name)) == 0;
	char paths[4096], *save = NULL;
	void *handle = NULL;

#ifdef LINKED
	if (strcmp(what, "linked") == 0) {
		c->api = linked;
		return true;
	}
#endif
	snprintf(paths, sizeof(paths), "%s", look_up ? what + strlen(by_name) : what);
	for (char *p = strtok_r(paths, ",", &save); p != NULL; p = strtok_r(NULL, ",", &save)) {
		handle = dlopen(p, RTLD_NOW | RTLD_LOCAL);
		if (handle == NULL)
			break;
	}
	if (handle == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return false;
	}
#define LOOK_UP(type, name, params)                                                                \
	*(void **)&c->api.name = dlsym(handle, #name);                                             \
	if (c->api.name == NULL)                                                                   \
		return false;
	if (look_up) {
		API(LOOK_UP)
	} else {
		*(void **)&c->client = dlsym(handle, "client");
		*(void **)&c->errors = dlsym(handle, "client_errors");
	}
	return look_up || c->client != NULL;
}

static void print(const char *what, const struct outcome *o)
{
	printf("%s %s: loads %d, store %d then %d, errors left %lx, verify %ld, %s\n", o->version,
	       what, o->loaded, o->loaded_certs, o->verified_certs, o->errors_left, o->result,
	       o->page ? "page" : "no page");
}

/* Every copy, method and load. */
static int each(void)
{
	for (int i = 0; i < 8; i++) {
		for (size_t c = 0; c < copy_count; c++) {
			struct request r = {.port = port, .cafile = i & 1 ? cafile : NULL};
			struct outcome o;
			char what[64];

			r.generic = (i & 2) != 0;
			r.defaults = (i & 4) != 0;
			use(&copies[c], &r, &o);
			snprintf(what, sizeof(what), "%s%s%s", r.generic ? "generic" : "client",
				 r.cafile != NULL ? " cafile" : "", r.defaults ? " defaults" : "");
			print(what, &o);
		}
	}
	return 0;
}

/* A connection of the next copy in the midst of each copy's verification; no two share a thing. */
struct chain {
	size_t next;
	struct outcome *o;
};

static void inside(void *arg)
{
	struct chain *chain = arg;
	struct request r = {.port = port, .cafile = cafile, .generic = chain->next % 2 == 1};
	struct chain deeper = {chain->next + 1, chain->o};

	if (chain->next == copy_count || chain->o[chain->next].version[0] != '\0')
		return;
	if (deeper.next < copy_count) {
		r.inside = inside;
		r.arg = &deeper;
	}
	use(&copies[chain->next], &r, &chain->o[chain->next]);
}

static void tell_shared(const struct outcome *a, const struct outcome *b)
{
	for (int i = 0; i < 8; i++)
		for (int j = 0; j < 8; j++)
			if (a->cert[i] != NULL && a->cert[i] == b->cert[j])
				printf("shared between %s and %s\n", a->version, b->version);
}

static int nested(void)
{
	struct outcome o[COPIES_MAX] = {0};
	struct chain chain = {0, o};

	inside(&chain);
	for (size_t i = 0; i < copy_count; i++) {
		print("nested", &o[i]);
		for (size_t j = 0; j < i; j++)
			if (o[i].copy != o[j].copy)
				tell_shared(&o[i], &o[j]);
	}
	return 0;
}

/* Of each copy, twice: the first time, the anchors are read. */
static int all_errors(void)
{
	for (size_t c = 0; c < copy_count; c++) {
		for (int again = 0; again < 2; again++) {
			unsigned long code[16] = {0};
			int count = copies[c].errors != NULL
					    ? copies[c].errors(cafile, code, 16)
					    : errors(&copies[c].api, cafile, code, 16);

			printf("errors:");
			for (int i = 0; i < count; i++)
				printf(" %lx", code[i]);
			printf("\n");
		}
	}
	return 0;
}

static void *work(void *arg)
{
	size_t self = (size_t)(uintptr_t)arg, bad = 0;

	for (size_t i = 0; i < ROUNDS; i++) {
		struct request r = {.port = port, .generic = (i + self) % 3 == 0};
		struct outcome o;

		r.cafile = i % 2 == 0 ? cafile : NULL;
		use(&copies[(i + self) % copy_count], &r, &o);
		if (!o.page || o.verified_certs != (r.cafile != NULL) || o.errors_left != 0)
			bad++;
	}
	return (void *)(uintptr_t)bad;
}

/* The copies in turn, in every thread. */
static int threads(void)
{
	pthread_t thread[THREADS];
	size_t bad = 0;

	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, work, (void *)(uintptr_t)i);
	for (size_t i = 0; i < THREADS; i++) {
		void *ret = NULL;

		pthread_join(thread[i], &ret);
		bad += (size_t)(uintptr_t)ret;
	}
	printf("%d connections, %zu bad\n", THREADS * ROUNDS, bad);
	return bad != 0;
}

/* copies each|nested|threads|errors PORT CAFILE COPY... */
int main(int argc, char **argv)
{
	if (argc < 5 || argc - 4 > COPIES_MAX)
		return 2;
	port = atoi(argv[2]);
	cafile = argv[3];
	for (; argv[4 + copy_count] != NULL; copy_count++)
		if (!open_copy(argv[4 + copy_count], &copies[copy_count]))
			return 3;
	if (strcmp(argv[1], "each") == 0)
		return each();
	if (strcmp(argv[1], "errors") == 0)
		return all_errors();
	return strcmp(argv[1], "nested") == 0 ? nested() : threads();
}
#endif
