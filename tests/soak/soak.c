/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program of tests/soak/run, which says what it is for.
 *
 *   soak CHILDREN SECONDS SEED OWN PORT...
 *
 * The ports are those of servers with CAs that are always trusted (the last of them by the program
 * itself, from the file OWN), and then of one that is never trusted. Threads do handshakes with
 * them; the counts go to stdout.
 *
 * With CHILDREN, not 0, so many children are forked instead, whatever their verification says, to
 * see if they hang.
 */
#define _GNU_SOURCE
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	THREADS = 8,
	MOST_PORTS = 8,
	MOST_SECONDS = 300,  /* beyond those asked for; a bound, for a busy machine */
	MOST_CHILDREN = 16,  /* at a time */
	CHILD_SECONDS = 10,  /* a child that needs more hangs */
	ANSWER_SECONDS = 60, /* of the server; a bound, for a busy machine */
	FEW_FILES = 128,
};

static int port[MOST_PORTS], port_count, wanted_children;
static const char *own_file;
static SSL_CTX *shared;
static atomic_bool stopped;

#define COUNTS(X)                                                                                  \
	X(good)                                                                                    \
	X(refused)                                                                                 \
	X(lost)                                                                                    \
	X(accepted)                                                                                \
	X(injected)                                                                                \
	X(again)                                                                                   \
	X(children)                                                                                \
	X(hung)                                                                                    \
	X(used_up)                                                                                 \
	X(unloaded)
#define MEMBER(name) atomic_long name;
#define PRINT(name) printf("\"" #name "\": %ld, ", atomic_load(&count.name));

static struct {
	COUNTS(MEMBER)
} count;

/*
 * Allocations that fail: those of the library's code at some places, or of whatever code after the
 * library's first one: then as many as are asked for go well, and those that follow fail.
 */
static _Thread_local struct failing {
	bool armed, started;
	int place; /* a class of callers; -1: all */
	long well, fail, failed;
} failing;
static uintptr_t library_start, library_end;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

static int place_of(const void *caller)
{
	return (int)((uint32_t)((uintptr_t)caller - library_start) * 2654435761U >> 28);
}

static bool fails(const void *caller)
{
	struct failing *f = &failing;
	bool is_library;

	if (!f->armed)
		return false;
	is_library = (uintptr_t)caller >= library_start && (uintptr_t)caller < library_end;
	f->started |= is_library;
	if (f->place >= 0 ? !is_library || place_of(caller) != f->place
			  : !f->started || f->well-- > 0 || f->fail-- <= 0)
		return false;
	f->failed++;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

static int find_library(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	if (strstr(info->dlpi_name, "libcatrust") == NULL)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD &&
		    (info->dlpi_phdr[i].p_flags & PF_X) != 0) {
			library_start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
			library_end = library_start + info->dlpi_phdr[i].p_memsz;
		}
	return 1;
}

/* From 0, below n; the low ones as often as the high ones, on a scale of powers of two. */
static long some(unsigned int *seed, long n)
{
	return rand_r(seed) % (1 + (n >> rand_r(seed) % 10));
}

static int connected(int to)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)to),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = ANSWER_SECONDS};
	struct linger reset = {1, 0}; /* leaves no port in TIME_WAIT */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Descriptors may be used up for a while. */
static int connect_at_last(int to)
{
	int fd;

	while ((fd = connected(to)) < 0 && !stopped)
		usleep(2000);
	return fd;
}

static bool is_always(int server)
{
	return server < port_count - 1;
}

static bool is_own(int server)
{
	return server == port_count - 2;
}

static SSL_CTX *new_context(bool with_own)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx != NULL && with_own && SSL_CTX_load_verify_locations(ctx, own_file, NULL) != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	if (ctx != NULL && wanted_children == 0)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return ctx;
}

/* 0: a handshake that verified; else the code of the verification, or -1. */
static long shake(SSL_CTX *ctx, int fd)
{
	SSL *ssl = SSL_new(ctx);
	long code = -1;

	if (ssl != NULL && SSL_set_fd(ssl, fd) == 1 && SSL_set1_host(ssl, "localhost") == 1) {
		if (SSL_connect(ssl) == 1)
			code = 0;
		else if (SSL_get_verify_result(ssl) != X509_V_OK)
			code = SSL_get_verify_result(ssl);
	}
	SSL_free(ssl);
	return code;
}

static void judge(int server, long code, const char *how)
{
	if (!is_always(server)) {
		atomic_fetch_add(code == 0 ? &count.accepted : &count.refused, 1);
		return;
	}
	atomic_fetch_add(code == 0 ? &count.good : &count.lost, 1);
	if (code != 0)
		fprintf(stderr, "lost: server %d, %s: code %ld, %s\n", server, how, code,
			ERR_reason_error_string(ERR_peek_last_error()));
}

static void plain(int server, SSL_CTX *ctx, const char *how)
{
	int fd = connect_at_last(port[server]);

	if (fd < 0)
		return;
	ERR_clear_error();
	judge(server, shake(ctx, fd), how);
	close(fd);
}

/* With a context of its own: a failure may spoil what OpenSSL has in it. */
static void with_failing(int server, unsigned int *seed)
{
	int fd = connect_at_last(port[server]);
	bool in_load = rand_r(seed) % 2 == 0;
	struct failing f = {.armed = true,
			    .place = (int)(rand_r(seed) % 32) - 16,
			    .well = some(seed, 2000),
			    .fail = 1 + some(seed, 64)};
	SSL_CTX *ctx;
	long code;

	if (fd < 0)
		return;
	if (f.place < 0)
		f.place = -1;
	if (in_load)
		failing = f;
	ctx = new_context(is_own(server));
	if (!in_load)
		failing = f;
	code = ctx == NULL ? -1 : shake(ctx, fd);
	failing.armed = false;
	close(fd);
	ERR_clear_error();
	atomic_fetch_add(&count.injected, failing.failed > 0);
	if (failing.failed == 0 && ctx == NULL) {
		atomic_fetch_add(&count.unloaded, 1); /* no descriptors for the own file */
	} else if (failing.failed == 0 || code == 0 || !is_always(server)) {
		judge(server, code, "nothing failed");
	} else {
		atomic_fetch_add(&count.again, 1);
		if (ctx != NULL && !in_load && !is_own(server))
			plain(server, ctx, "again after failed allocations, in the same context");
		plain(server, shared, "again after failed allocations");
	}
	SSL_CTX_free(ctx);
}

/* Returns the process, or -1. The child does a handshake with a connection that it inherits. */
static pid_t start_child(int server, bool is_new)
{
	int fd = connect_at_last(port[server]);
	pid_t child = fd < 0 ? -1 : fork();

	if (child == 0) {
		SSL_CTX *ctx;
		long code;

		alarm(CHILD_SECONDS);
		ctx = is_new ? new_context(false) : shared;
		code = ctx == NULL ? -1 : shake(ctx, fd);
		_exit(code == 0 ? 0 : code > 0 ? 1 : 2);
	}
	if (fd >= 0)
		close(fd);
	return child;
}

static bool has_hung(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
}

static void in_child(int server, bool is_new)
{
	pid_t child = start_child(server, is_new && !is_own(server));
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child)
		return;
	atomic_fetch_add(&count.children, 1);
	if (has_hung(status))
		atomic_fetch_add(&count.hung, 1);
	else
		judge(server, WIFEXITED(status) ? WEXITSTATUS(status) : -3, "in a child");
}

static void *work(void *arg)
{
	unsigned int seed = *(unsigned int *)arg;

	while (!stopped) {
		int server = rand_r(&seed) % port_count;
		int what = wanted_children > 0 ? 63 : rand_r(&seed) % 64;
		SSL_CTX *ctx;

		if (what == 0) {
			in_child(server, rand_r(&seed) % 2 == 0);
		} else if (what < 32) {
			with_failing(server, &seed);
		} else if (what < 48) {
			plain(server, shared, "in the shared context");
		} else {
			ctx = new_context(is_own(server));
			if (ctx != NULL)
				plain(server, ctx, "in a new context");
			else
				atomic_fetch_add(&count.unloaded, 1);
			SSL_CTX_free(ctx);
		}
	}
	return NULL;
}

/* Uses up the descriptors, time and again. */
static void *hoard(void *arg)
{
	unsigned int seed = *(unsigned int *)arg;
	int fd[FEW_FILES], n;

	while (!stopped) {
		for (n = 0; n < FEW_FILES && (fd[n] = dup(0)) >= 0; n++)
			;
		atomic_fetch_add(&count.used_up, n < FEW_FILES);
		usleep((useconds_t)rand_r(&seed) % 400000);
		while (n > 0)
			close(fd[--n]);
		usleep((useconds_t)rand_r(&seed) % 400000);
	}
	return NULL;
}

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void fork_children(long end, unsigned int seed)
{
	int running = 0, status;
	pid_t child;

	while (running > 0 || (count.children + running < wanted_children && now() < end)) {
		if (running < MOST_CHILDREN && count.children + running < wanted_children &&
		    now() < end &&
		    start_child(rand_r(&seed) % port_count, rand_r(&seed) % 2 == 0) > 0)
			running++;
		while ((child = waitpid(-1, &status, running < MOST_CHILDREN ? WNOHANG : 0)) > 0) {
			running--;
			atomic_fetch_add(&count.children, 1);
			atomic_fetch_add(&count.hung, has_hung(status));
		}
		usleep(1000);
	}
}

int main(int argc, char **argv)
{
	struct rlimit few = {FEW_FILES, FEW_FILES};
	unsigned int seed[THREADS + 1];
	pthread_t thread[THREADS + 1];
	long end;

	if (argc < 7)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	dl_iterate_phdr(find_library, NULL);
	wanted_children = atoi(argv[1]);
	end = now() + atoi(argv[2]);
	alarm((unsigned)atoi(argv[2]) + MOST_SECONDS);
	own_file = argv[4];
	while (port_count < argc - 5 && port_count < MOST_PORTS) {
		port[port_count] = atoi(argv[5 + port_count]);
		port_count++;
	}
	shared = new_context(true);
	if (shared == NULL)
		return 1;
	/* What is there counts before descriptors are short. */
	for (int i = 0; i < port_count; i++)
		plain(i, shared, "at first");
	if (wanted_children == 0)
		setrlimit(RLIMIT_NOFILE, &few);
	for (int i = 0; i <= THREADS; i++) {
		seed[i] = (unsigned int)(atoi(argv[3]) * 100 + i);
		if (i == THREADS && wanted_children > 0)
			fork_children(end, seed[i]);
		else if (pthread_create(&thread[i], NULL, i < THREADS ? work : hoard, &seed[i]) !=
			 0)
			return 1;
	}
	while (wanted_children == 0 && now() < end)
		usleep(20000);
	stopped = true;
	for (int i = 0; i < THREADS + (wanted_children == 0); i++)
		pthread_join(thread[i], NULL);
	printf("{");
	COUNTS(PRINT)
	printf("\"servers\": %d}\n", port_count);
	return 0;
}
