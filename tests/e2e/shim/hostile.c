/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS client that makes its surroundings hostile first: see hostile.py.
 *
 * hostile MODE PORT BUNDLE        requests, one line of output each
 * hostile confined PORT BUNDLE ACTION NAMES
 * hostile confine ACTION NAMES PROGRAM [ARG]...
 *
 * ACTION is errno or kill: what becomes of the system calls NAMES (with commas between).
 */
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SKIP = 77, THREADS = 4, CHILDREN = 6, SMALL_STACK = 64 * 1024, DESCRIPTORS = 64 };

static const char *self, *port, *bundle;

static int connected(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static SSL_CTX *new_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL || SSL_CTX_load_verify_locations(ctx, bundle, NULL) != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return ctx;
}

/* The result of the verification, or -1 where it did not come to that. */
static long verified_with(SSL_CTX *ctx)
{
	int fd = connected();
	SSL *ssl = ctx == NULL ? NULL : SSL_new(ctx);
	long result = -1;

	if (fd >= 0 && ssl != NULL && SSL_set_fd(ssl, fd) == 1 &&
	    (SSL_connect(ssl) == 1 || SSL_get_verify_result(ssl) != X509_V_OK))
		result = SSL_get_verify_result(ssl);
	SSL_free(ssl);
	if (fd >= 0)
		close(fd);
	return result;
}

static long verified(void)
{
	SSL_CTX *ctx = new_context();
	long result = verified_with(ctx);

	SSL_CTX_free(ctx);
	return result;
}

static void tell(const char *when, long result)
{
	printf("%s: %s\n", when,
	       result < 0	     ? "no connection"
	       : result == X509_V_OK ? "trusted"
				     : X509_verify_cert_error_string(result));
	fflush(stdout);
}

static void request(const char *when)
{
	tell(when, verified());
}

/* Long enough for the shim to look at its directories again. */
static void wait_a_while(void)
{
	const struct timespec a_while = {1, 0};

	nanosleep(&a_while, NULL);
}

/* For unload.c. */
void hostile_request(const char *to, const char *file);
void hostile_request(const char *to, const char *file)
{
	port = to;
	bundle = file;
	request("from a module");
}

static int once(void)
{
	request("once");
	return 0;
}

static int privileged(void)
{
	printf("privileged: %lu\n", getauxval(AT_SECURE));
	request("once");
	return 0;
}

static int without_environment(void)
{
	clearenv();
	request("without an environment");
	return 0;
}

/*
 * One descriptor is left: first for the bundle, where a trust directory takes two, then for the
 * connection, with none beside it when the directory is looked at again.
 */
static int without_descriptors(void)
{
	const struct rlimit limit = {DESCRIPTORS, DESCRIPTORS};
	int last = -1;
	SSL_CTX *ctx;

	setrlimit(RLIMIT_NOFILE, &limit);
	for (int fd; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;)
		last = fd;
	close(last);
	ctx = new_context();
	wait_a_while();
	tell("without descriptors", verified_with(ctx));
	for (int fd = 3; fd < last; fd++)
		close(fd);
	wait_a_while();
	tell("with descriptors again", verified_with(ctx));
	request("with a new context");
	SSL_CTX_free(ctx);
	return 0;
}

static void *in_thread(void *arg)
{
	request(arg);
	return NULL;
}

static int small_stack(void)
{
	char when[] = "on a small stack";
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, SMALL_STACK);
	if (pthread_create(&thread, &attr, in_thread, when) != 0)
		return 1;
	pthread_join(thread, NULL);
	return 0;
}

static int exit_code_of(pid_t pid)
{
	int status = 0;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int with_vfork(void)
{
	char *const argv[] = {(char *)(uintptr_t)self, "once", (char *)(uintptr_t)port,
			      (char *)(uintptr_t)bundle, NULL};
	pid_t pid;

	request("before vfork");
	pid = vfork();
	if (pid == 0) {
		execv(self, argv);
		_exit(127);
	}
	printf("child: %d\n", exit_code_of(pid));
	request("after vfork");
	return 0;
}

static atomic_bool stop;
static atomic_uint wrong;
static long expected;

static void *again_and_again(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop))
		if (verified() != expected)
			wrong++;
	return NULL;
}

/* Threads are in the middle of handshakes, the main one forks. A child may only exec. */
static int fork_among_threads(void)
{
	char *const argv[] = {(char *)(uintptr_t)self, "once", (char *)(uintptr_t)port,
			      (char *)(uintptr_t)bundle, NULL};
	pthread_t thread[THREADS];

	expected = verified();
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, again_and_again, NULL);
	for (size_t i = 0; i < CHILDREN; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			execv(self, argv);
			_exit(127);
		}
		printf("child: %d\n", exit_code_of(pid));
		fflush(stdout);
	}
	atomic_store(&stop, true);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	printf("wrong in threads: %u\n", atomic_load(&wrong));
	request("after forks");
	return 0;
}

static int pipe_of_walk[2];

static int hold(struct dl_phdr_info *info, size_t size, void *arg)
{
	char byte = 0;

	(void)info;
	(void)size;
	(void)arg;
	if (write(pipe_of_walk[1], &byte, 1) == 1)
		pause();
	return 1;
}

static void *walk_objects(void *arg)
{
	dl_iterate_phdr(hold, arg);
	return NULL;
}

/* A thread goes through the loaded objects, as one that throws an exception does; the child of a
 * fork at that moment has the lock of that for good. */
static int fork_during_walk(void)
{
	pthread_t thread;
	char byte;
	pid_t pid;

	if (pipe(pipe_of_walk) != 0 || pthread_create(&thread, NULL, walk_objects, NULL) != 0 ||
	    read(pipe_of_walk[0], &byte, 1) != 1)
		return 1;
	pid = fork();
	if (pid == 0) {
		alarm(20);
		request("in the child");
		fflush(stdout);
		_exit(0);
	}
	printf("child: %d\n", exit_code_of(pid));
	return 0;
}

static long number_of(const char *name)
{
	static const struct {
		const char *name;
		long number;
	} calls[] = {{"memfd_create", SYS_memfd_create},
		     {"mount", SYS_mount},
		     {"newfstatat", SYS_newfstatat},
		     {"openat", SYS_openat},
		     {"process_vm_readv", SYS_process_vm_readv},
		     {"unshare", SYS_unshare}};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].number;
	fprintf(stderr, "hostile: no system call %s in its table\n", name);
	exit(2);
}

static void confine(const char *action, char *names)
{
	enum { CALLS_MAX = 8 };
	uint32_t refuse =
		strcmp(action, "kill") == 0 ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM;
	struct sock_filter code[2 * CALLS_MAX + 2];
	struct sock_fprog filter = {0, code};
	char *rest = NULL;

	code[filter.len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
							  offsetof(struct seccomp_data, nr));
	for (const char *name = strtok_r(names, ",", &rest); name != NULL && filter.len < 16;
	     name = strtok_r(NULL, ",", &rest)) {
		code[filter.len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
								  (uint32_t)number_of(name), 0, 1);
		code[filter.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, refuse);
	}
	code[filter.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) != 0) {
		perror("hostile: seccomp");
		exit(SKIP);
	}
}

/* Confines itself when its context is made, as a careful program would. */
static void confined(const char *action, char *names)
{
	SSL_CTX *ctx = new_context();

	tell("before", verified_with(ctx));
	confine(action, names);
	tell("confined", verified_with(ctx));
	wait_a_while();
	tell("later", verified_with(ctx));
	SSL_CTX_free(ctx);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} modes[] = {{"once", once},
		     {"clearenv", without_environment},
		     {"privileged", privileged},
		     {"descriptors", without_descriptors},
		     {"stack", small_stack},
		     {"vfork", with_vfork},
		     {"forks", fork_among_threads},
		     {"fork-during-walk", fork_during_walk}};

	if (argc >= 5 && strcmp(argv[1], "confine") == 0) {
		confine(argv[2], argv[3]);
		execvp(argv[4], argv + 4);
		return 127;
	}
	if (argc < 4)
		return 2;
	self = argv[0];
	port = argv[2];
	bundle = argv[3];
	if (argc == 6 && strcmp(argv[1], "confined") == 0) {
		confined(argv[4], argv[5]);
		return 0;
	}
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (strcmp(argv[1], modes[i].name) == 0)
			return modes[i].run();
	return 2;
}
