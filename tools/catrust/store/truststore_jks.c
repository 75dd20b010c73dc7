/* SPDX-License-Identifier: Apache-2.0 */
#include "store/truststore.h"

#include "base/interrupts.h"
#include "base/output.h"
#include "base/show.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LEAST_PASSWORD = 6 }; /* keytool's minimum */

/* Holds the password, because other users can see arguments, but not variables. */
#define PASSWORD_VARIABLE "CATRUST_KEYTOOL_PASSWORD"

static const char *const files[] = {"in.p12", "out.jks", "log"};
enum { IN, OUT, LOG, FILES };

/* A private folder for keytool, and the paths in it. */
struct work {
	char dir[PATH_MAX - 16];
	char path[FILES][PATH_MAX];
};

static int open_work(struct work *w)
{
	const char *tmp = getenv("TMPDIR");

	if (tmp == NULL || tmp[0] != '/')
		tmp = "/tmp";
	if (snprintf(w->dir, sizeof(w->dir), "%s/catrust-XXXXXX", tmp) >= (int)sizeof(w->dir))
		return -ENAMETOOLONG;
	if (mkdtemp(w->dir) == NULL)
		return -errno;
	for (int i = 0; i < FILES; i++)
		snprintf(w->path[i], sizeof(w->path[i]), "%s/%s", w->dir, files[i]);
	return 0;
}

static void close_work(const struct work *w)
{
	for (int i = 0; i < FILES; i++)
		unlink(w->path[i]);
	rmdir(w->dir);
}

static int write_p12(const struct work *w, const STACK_OF(X509) * certs, const char *password)
{
	BIO *p12 = BIO_new_file(w->path[IN], "wb");
	int result = p12 == NULL ? -1 : truststore_pkcs12(certs, password, p12);

	if (p12 != NULL && BIO_flush(p12) != 1)
		result = -1;
	BIO_free(p12);
	return result;
}

/* The one in JAVA_HOME, else the one in PATH. */
static const char *find_keytool(char buf[PATH_MAX])
{
	const char *home = getenv("JAVA_HOME");

	if (home != NULL && home[0] == '/' &&
	    snprintf(buf, PATH_MAX, "%s/bin/keytool", home) < PATH_MAX && access(buf, X_OK) == 0)
		return buf;
	return "keytool";
}

/* Starts argv with its output in the file log. Returns 0 and *ret, or a positive errno. */
static int start(char *const *argv, const char *log, const sigset_t *mask, pid_t *ret)
{
	extern char **environ;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults;
	int error;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return ENOMEM;
	if (posix_spawnattr_init(&attributes) != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return ENOMEM;
	}
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGXFSZ);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setsigmask(&attributes, mask);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log,
							 O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
	if (error == 0)
		error = posix_spawnp(ret, argv[0], &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

static bool wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Reports keytool's last line; the other lines only show its progress. */
static void why_keytool(const struct work *w, struct reason *why)
{
	char line[256], last[256] = "", shown[SHOW_MAX];
	FILE *log = fopen(w->path[LOG], "re");

	while (log != NULL && fgets(line, sizeof(line), log) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] != '\0')
			memcpy(last, line, sizeof(last));
	}
	if (log != NULL)
		fclose(log);
	reason_set(why, "keytool failed: %s", show_text(last, shown));
}

static int run_keytool(struct work *w, const sigset_t *mask, struct reason *why)
{
	char path[PATH_MAX], program[PATH_MAX];
	char password[] = PASSWORD_VARIABLE;
	char *argv[] = {program,
			(char[]){"-importkeystore"},
			(char[]){"-noprompt"},
			(char[]){"-srcstoretype"},
			(char[]){"PKCS12"},
			(char[]){"-srckeystore"},
			w->path[IN],
			(char[]){"-srcstorepass:env"},
			password,
			(char[]){"-deststoretype"},
			(char[]){"JKS"},
			(char[]){"-destkeystore"},
			w->path[OUT],
			(char[]){"-deststorepass:env"},
			password,
			NULL};
	pid_t child;
	int error;

	snprintf(program, sizeof(program), "%s", find_keytool(path));
	error = start(argv, w->path[LOG], mask, &child);
	if (error == ENOENT) {
		reason_set(why, "keytool, which makes this format, is neither in JAVA_HOME nor in "
				"PATH: install a Java runtime, or use --format pkcs12, which Java "
				"reads as well");
		return -1;
	}
	if (error != 0) {
		reason_set(why, "keytool: %s", strerror(error));
		return -1;
	}
	if (!wait_for(child)) {
		why_keytool(w, why);
		return -1;
	}
	return 0;
}

static int copy_result(const struct work *w, BIO *to, struct reason *why)
{
	BIO *from = BIO_new_file(w->path[OUT], "rb");
	char buf[16384];
	int len = -1;

	while (from != NULL && (len = BIO_read(from, buf, sizeof(buf))) > 0)
		if (BIO_write(to, buf, len) != len)
			break;
	BIO_free(from);
	if (len == 0)
		return 0;
	reason_set(why, "the file that keytool made can't be read");
	return -1;
}

int truststore_jks(const STACK_OF(X509) * certs, const char *password, BIO *to, struct reason *why)
{
	struct work *w;
	sigset_t before;
	int error, result = -1;

	if (strlen(password) < LEAST_PASSWORD) {
		reason_set(why, "a JKS trust store needs a password of at least %d characters",
			   LEAST_PASSWORD);
		return -1;
	}
	w = malloc(sizeof(*w));
	if (w == NULL || setenv(PASSWORD_VARIABLE, password, 1) != 0) {
		reason_set(why, "out of memory");
		free(w);
		return -1;
	}
	/* Ctrl-C ends keytool, and the rest is cleaned up here. */
	interrupts_hold(&before);
	error = open_work(w);
	if (error != 0) {
		reason_set(why, "no folder for temporary files: %s", strerror(-error));
	} else {
		if (write_p12(w, certs, password) != 0)
			reason_set(why, "a temporary file could not be written");
		else if (run_keytool(w, &before, why) == 0)
			result = copy_result(w, to, why);
		close_work(w);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	unsetenv(PASSWORD_VARIABLE);
	free(w);
	return result;
}
