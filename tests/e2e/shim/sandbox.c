/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS client under a seccomp filter: see sandbox.py.
 *
 * sandbox learn WHEN BUNDLE CHAIN           prints the numbers of the system calls that it makes
 * sandbox kill|errno WHEN BUNDLE CHAIN N... all but these numbers are fatal, or fail with EPERM
 * sandbox deny WHEN BUNDLE CHAIN N...       these numbers fail with ENOSYS
 *
 * WHEN is first or late: before it loads its CAs, or after its first verification.
 */
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SKIP = 77, CALLS = 1024, FILTER_MAX = 1200 };

static atomic_int listener = -1;

static void cannot(const char *what)
{
	perror(what);
	exit(SKIP);
}

static void install(struct sock_filter *code, unsigned short len, unsigned flags)
{
	struct sock_fprog filter = {len, code};
	long fd;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		cannot("sandbox: no_new_privs");
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
	if (fd < 0)
		cannot("sandbox: seccomp");
	if (flags != 0)
		atomic_store(&listener, (int)fd);
}

/* Notes each call and lets it go on; pause() is the last. */
static void *learn(void *arg)
{
	static bool seen[CALLS];
	struct seccomp_notif call;
	int fd;

	(void)arg;
	while ((fd = atomic_load(&listener)) < 0)
		;
	for (;;) {
		struct seccomp_notif_resp answer = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

		memset(&call, 0, sizeof(call));
		if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0)
			cannot("sandbox: notification");
		if (call.data.nr == SYS_pause)
			break;
		if (call.data.nr >= 0 && call.data.nr < CALLS)
			seen[call.data.nr] = true;
		answer.id = call.id;
		if (ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &answer) != 0)
			cannot("sandbox: answer");
	}
	printf("calls");
	for (int i = 0; i < CALLS; i++)
		if (seen[i])
			printf(" %d", i);
	printf("\n");
	fflush(stdout);
	_exit(0);
}

static void start_to_learn(void)
{
	struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)};
	pthread_t thread;

	if (pthread_create(&thread, NULL, learn, NULL) != 0)
		cannot("sandbox: thread");
	install(all, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

static void confine(const char *mode, char *const numbers[])
{
	static struct sock_filter code[FILTER_MAX];
	bool deny = strcmp(mode, "deny") == 0;
	uint32_t refuse = deny			      ? SECCOMP_RET_ERRNO | ENOSYS
			  : strcmp(mode, "kill") == 0 ? SECCOMP_RET_KILL_PROCESS
						      : SECCOMP_RET_ERRNO | EPERM;
	unsigned short len = 0;

	code[len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						   offsetof(struct seccomp_data, nr));
	for (size_t i = 0; numbers[i] != NULL && len < FILTER_MAX - 2; i++) {
		uint32_t number = (uint32_t)strtoul(numbers[i], NULL, 10);

		code[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
		code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
							   deny ? refuse : SECCOMP_RET_ALLOW);
	}
	code[len++] =
		(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, deny ? SECCOMP_RET_ALLOW : refuse);
	install(code, len, 0);
}

static SSL_CTX *new_server(const char *chain)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (SSL_CTX_use_certificate_chain_file(ctx, chain) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, chain, SSL_FILETYPE_PEM) != 1)
		exit(3);
	return ctx;
}

static long handshake(SSL_CTX *client_ctx, SSL_CTX *server_ctx)
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

static SSL_CTX *new_client(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return ctx;
}

/* A program's own ways to fill a store; the calls come from no libssl. */
static X509_STORE *new_store(const char *bundle, X509 *cert)
{
	X509_STORE *store = X509_STORE_new();
	X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());

	printf("load %d\n", X509_STORE_load_locations(store, bundle, NULL));
	printf("lookup %d\n", X509_LOOKUP_load_file(lookup, bundle, X509_FILETYPE_PEM));
	printf("add %d\n", X509_STORE_add_cert(store, cert));
	return store;
}

static long verified(X509_STORE *store, X509 *cert)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	long result;

	X509_STORE_CTX_init(ctx, store, cert, NULL);
	X509_verify_cert(ctx);
	result = X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	return result;
}

static void load_and_verify(const char *bundle, SSL_CTX *server_ctx)
{
	X509 *leaf = SSL_CTX_get0_certificate(server_ctx);
	SSL_CTX *ctx = new_client(), *other = new_client();
	X509_STORE *store = new_store(bundle, leaf);

	printf("load %d\n", SSL_CTX_load_verify_locations(ctx, bundle, NULL));
	printf("handshake %ld\n", handshake(ctx, server_ctx));
	X509_STORE_up_ref(store);
	SSL_CTX_set_cert_store(other, store);
	printf("with a store of its own %ld\n", handshake(other, server_ctx));
	printf("no TLS %ld\n", verified(store, leaf));
	X509_STORE_free(store);
	SSL_CTX_free(ctx);
	SSL_CTX_free(other);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Long enough for the shim to look at its directories again, and without a system call. */
static void wait_a_while(void)
{
	for (double start = now(); now() < start + 1;)
		;
}

int main(int argc, char **argv)
{
	SSL_CTX *server;
	bool late;

	if (argc < 5)
		return 2;
	late = strcmp(argv[2], "late") == 0;
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	server = new_server(argv[4]);
	if (late)
		load_and_verify(argv[3], server);
	if (strcmp(argv[1], "learn") == 0)
		start_to_learn();
	else
		confine(argv[1], argv + 5);
	load_and_verify(argv[3], server);
	if (late) {
		wait_a_while();
		load_and_verify(argv[3], server);
	}
	fflush(stdout);
	if (strcmp(argv[1], "learn") == 0)
		pause();
	SSL_CTX_free(server);
	return 0;
}
