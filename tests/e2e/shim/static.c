/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that has OpenSSL linked into itself, with hidden symbols: see files.py. With -DPLAIN it
 * has none at all.
 *
 *   load FILE|-              how many certificates that brings (-: the default paths)
 *   get PORT FILE|-          one request, the server verified by that
 *   threads PORT FILE|-      the same eight times at once, after as many loads in each thread
 *   fork PORT FILE|-         loads, and lets a child connect
 *   serve FILE CHAIN KEY     a server that verifies its clients by FILE, once; prints its port
 *   cat FILE MODE            through fopen() and stdio
 *   stat FILE MODE           what fopen() gives, and the lowest descriptor that is left
 * Before that: -k kills for memfd_create(), -m forbids it, -t also files without a name, -n leaves
 * no descriptors, -f forbids files of more than a page.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define REFUSE(call)                                                                               \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1),                                         \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

/* glibc opens by openat(), its third argument the flags. */
static int forbid(int unnamed_too)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		REFUSE(SYS_memfd_create),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_TMPFILE & ~O_DIRECTORY, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};

	if (!unnamed_too)
		filter[6].k = SECCOMP_RET_ALLOW;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int kill_for_memory_files(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int forbid_large_files(void)
{
	struct rlimit page = {4096, 4096};

	return setrlimit(RLIMIT_FSIZE, &page) == 0;
}

static int leave_no_descriptors(void)
{
	struct rlimit none = {3, 3};

	return setrlimit(RLIMIT_NOFILE, &none) == 0;
}

static int cat(const char *path, const char *mode)
{
	FILE *file = fopen(path, mode);
	char buf[4096];
	size_t n;

	if (file == NULL) {
		printf("%s\n", strerror(errno));
		return 1;
	}
	while ((n = fread(buf, 1, sizeof(buf), file)) > 0)
		fwrite(buf, 1, n, stdout);
	return fclose(file);
}

static int show(const char *path, const char *mode)
{
	struct stat st;
	FILE *file;
	int before = dup(0), after;

	close(before);
	errno = 77;
	file = fopen(path, mode);
	if (file == NULL) {
		printf("%s\n", strerror(errno));
		return 1;
	}
	after = dup(0);
	fstat(fileno(file), &st);
	fseek(file, 0, SEEK_END);
	printf("errno %d, lowest %d, next %d, cloexec %d, flags %x, end %d, bytes %ld\n", errno,
	       fileno(file) == before, after == before + 1, fcntl(fileno(file), F_GETFD),
	       fcntl(fileno(file), F_GETFL), ftell(file) == (long)st.st_size, (long)st.st_size);
	return fclose(file);
}

#ifndef PLAIN
#include <openssl/err.h>
#include <openssl/ssl.h>

static SSL_CTX *client(const char *file)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int ok = strcmp(file, "-") == 0 ? SSL_CTX_set_default_verify_paths(ctx)
					: SSL_CTX_load_verify_locations(ctx, file, NULL);

	if (!ok)
		ERR_print_errors_fp(stdout);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return ctx;
}

static int local_socket(int port, struct sockaddr_in *name)
{
	*name = (struct sockaddr_in){.sin_family = AF_INET,
				     .sin_port = htons((unsigned short)port),
				     .sin_addr = {htonl(INADDR_LOOPBACK)}};
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int get(SSL_CTX *ctx, int port, FILE *out)
{
	static const char request[] = "GET / HTTP/1.0\r\n\r\n";
	struct sockaddr_in name;
	int fd = local_socket(port, &name), n, code = 1;
	SSL *ssl = SSL_new(ctx);
	char buf[4096];

	SSL_set1_host(ssl, "localhost");
	SSL_set_fd(ssl, fd);
	if (connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0 && SSL_connect(ssl) == 1) {
		SSL_write(ssl, request, sizeof(request) - 1);
		while ((n = SSL_read(ssl, buf, sizeof(buf))) > 0)
			fwrite(buf, 1, (size_t)n, out);
		code = 0;
	} else {
		ERR_print_errors_fp(out);
	}
	SSL_free(ssl);
	close(fd);
	return code;
}

struct job {
	pthread_t thread;
	const char *file;
	int port, code;
};

static void *work(void *arg)
{
	struct job *job = arg;
	FILE *nowhere = fopen("/dev/null", "w");

	for (int i = 0; i < 8; i++) {
		SSL_CTX *ctx = client(job->file);

		job->code |= nowhere == NULL || get(ctx, job->port, nowhere);
		SSL_CTX_free(ctx);
	}
	fclose(nowhere);
	return NULL;
}

static int threads(int port, const char *file)
{
	struct job jobs[8];
	int bad = 0;

	for (int i = 0; i < 8; i++) {
		jobs[i] = (struct job){.file = file, .port = port};
		pthread_create(&jobs[i].thread, NULL, work, &jobs[i]);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(jobs[i].thread, NULL);
		bad += jobs[i].code;
	}
	printf("%d threads failed\n", bad);
	return bad;
}

static int forked(int port, const char *file)
{
	SSL_CTX *ctx = client(file);
	int status = 1;
	pid_t child = fork();

	if (child == 0) {
		int code = get(ctx, port, stdout);

		fflush(stdout);
		ctx = client(file);
		_exit(code | get(ctx, port, stderr));
	}
	waitpid(child, &status, 0);
	return status != 0;
}

static int serve(const char *file, const char *chain, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	struct sockaddr_in name;
	socklen_t len = sizeof(name);
	int listener = local_socket(0, &name), fd;
	SSL *ssl;

	if (SSL_CTX_use_certificate_chain_file(ctx, chain) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_load_verify_locations(ctx, file, NULL) != 1)
		return 2;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	bind(listener, (struct sockaddr *)&name, sizeof(name));
	listen(listener, 1);
	getsockname(listener, (struct sockaddr *)&name, &len);
	printf("port %d\n", ntohs(name.sin_port));
	fflush(stdout);
	fd = accept(listener, NULL, NULL);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		printf("let in\n");
		SSL_write(ssl, "hello\n", 6);
		SSL_shutdown(ssl);
	} else {
		printf("refused: %s\n", X509_verify_cert_error_string(SSL_get_verify_result(ssl)));
	}
	fflush(stdout);
	return 0;
}

static int use_tls(char **argv)
{
	const char *what = argv[0];

	if (strcmp(what, "load") == 0) {
		SSL_CTX *ctx = client(argv[1]);
		X509_STORE *store = SSL_CTX_get_cert_store(ctx);

		printf("%d certificates, %lu errors\n",
		       sk_X509_OBJECT_num(X509_STORE_get0_objects(store)), ERR_peek_error());
		return 0;
	}
	if (strcmp(what, "get") == 0)
		return get(client(argv[2]), atoi(argv[1]), stdout);
	if (strcmp(what, "threads") == 0)
		return threads(atoi(argv[1]), argv[2]);
	if (strcmp(what, "fork") == 0)
		return forked(atoi(argv[1]), argv[2]);
	if (strcmp(what, "serve") == 0)
		return serve(argv[1], argv[2], argv[3]);
	return 2;
}
#else
static int use_tls(char **argv)
{
	(void)argv;
	return 2;
}
#endif

static int restrict_to(char what)
{
	switch (what) {
	case 'f':
		return forbid_large_files();
	case 'k':
		return kill_for_memory_files();
	case 'n':
		return leave_no_descriptors();
	default:
		return forbid(what == 't');
	}
}

int main(int argc, char **argv)
{
	for (argv++, argc--; argc > 0 && argv[0][0] == '-'; argv++, argc--)
		if (!restrict_to(argv[0][1]))
			return 2;
	if (argc < 2)
		return 2;
	if (strcmp(argv[0], "cat") == 0)
		return cat(argv[1], argv[2]);
	if (strcmp(argv[0], "stat") == 0)
		return show(argv[1], argv[2]);
	return use_tls(argv);
}
