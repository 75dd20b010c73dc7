/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/interpreter.h"

#include "base/show.h"
#include "doctor/diagnose.h"
#include "net/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { ANSWER_MAX = 64 << 10, ANSWER_MS = 60 * 1000, END_MS = 10 * 1000, FIELDS_MAX = 64 };

/* Start-up files may print something before this line. */
static const char mark[] = "catrust-interpreter";

/*
 * Nothing is imported from the current directory. Otherwise all is as in the user's own programs:
 * site-packages, PYTHON... variables, sitecustomize. A NUL ends each name and value, because a path
 * can contain any other byte.
 */
static const char program[] =
	"import sys\n"
	"sys.path[:] = [p for p in sys.path if p not in ('', '.')]\n"
	"import os, ssl, warnings\n"
	"warnings.simplefilter('ignore')\n"
	"out = ['catrust-interpreter']\n"
	"def say(name, value):\n"
	"    out.append(name)\n"
	"    out.append('' if value is None else str(value))\n"
	"def context(prefix, c):\n"
	"    say(prefix + '.flags', int(c.verify_flags))\n"
	"    say(prefix + '.level', getattr(c, 'security_level', -1))\n"
	"say('version', '%d.%d.%d' % sys.version_info[:3])\n"
	"say('openssl', ssl.OPENSSL_VERSION)\n"
	"say('openssl.major', ssl.OPENSSL_VERSION_INFO[0])\n"
	"say('openssl.minor', ssl.OPENSSL_VERSION_INFO[1])\n"
	"paths = ssl.get_default_verify_paths()\n"
	"say('ssl.file', os.environ.get(paths.openssl_cafile_env, paths.openssl_cafile))\n"
	"say('ssl.dir', os.environ.get(paths.openssl_capath_env, paths.openssl_capath))\n"
	"c = ssl.create_default_context()\n"
	"context('ssl', c)\n"
	"say('ciphers', ':'.join(x['name'] for x in c.get_ciphers()))\n"
	"say('minimum', max(0, int(getattr(c, 'minimum_version', 0))))\n"
	"say('options', int(c.options))\n"
	"try:\n"
	"    import certifi\n"
	"    say('certifi.file', certifi.where())\n"
	"    say('certifi.version', getattr(certifi, '__version__', ''))\n"
	"    context('certifi', c)\n"
	"except Exception:\n"
	"    pass\n"
	"try:\n"
	"    import requests\n"
	"    from urllib3.util.ssl_ import create_urllib3_context\n"
	"    path = os.environ.get('REQUESTS_CA_BUNDLE') or os.environ.get('CURL_CA_BUNDLE') \\\n"
	"        or requests.certs.where()\n"
	"    say('requests.dir' if os.path.isdir(path) else 'requests.file', path)\n"
	"    say('requests.version', requests.__version__)\n"
	"    u = create_urllib3_context()\n"
	"    context('requests', u)\n"
	"    say('requests.cn', int(getattr(u, 'hostname_checks_common_name', True)))\n"
	"    say('requests.last', int(not u.check_hostname))\n"
	"except Exception:\n"
	"    pass\n"
	"for name in paths.openssl_cafile_env, paths.openssl_capath_env, 'REQUESTS_CA_BUNDLE', \\\n"
	"        'CURL_CA_BUNDLE':\n"
	"    value = os.environ.get(name)\n"
	"    if value and not all(map(os.path.exists, value.split(':')\n"
	"                             if name == paths.openssl_capath_env else [value])):\n"
	"        say('problem', name + ' names what is not there: ' + value)\n"
	"        break\n"
	"data = b'\\0'.join(os.fsencode(x) for x in out) + b'\\0'\n"
	"sys.stdout.flush()\n"
	"while data:\n"
	"    data = data[os.write(1, data):]\n";

struct field {
	const char *name, *value;
};

static int put_text(const char *value, char *buf, size_t size)
{
	size_t len = strlen(value);

	if (len >= size)
		return -1;
	memcpy(buf, value, len + 1);
	return 0;
}

static int put_number(const char *value, long long least, long long most, long long *ret)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (end == value || *end != '\0' || errno != 0 || number < least || number > most)
		return -1;
	*ret = number;
	return 0;
}

static int take_client(const char *name, const char *value, struct interpreter_client *c)
{
	long long number;

	if (strcmp(name, "file") == 0)
		return put_text(value, c->file, sizeof(c->file));
	if (strcmp(name, "dir") == 0)
		return put_text(value, c->dir, sizeof(c->dir));
	if (strcmp(name, "version") == 0)
		return put_text(value, c->version, sizeof(c->version));
	if (strcmp(name, "flags") == 0) {
		if (put_number(value, 0, 0xffffffffLL, &number) != 0)
			return -1;
		c->flags = (unsigned long)number;
	} else if (strcmp(name, "level") == 0) {
		if (put_number(value, -1, 5, &number) != 0)
			return -1;
		c->level = (int)number;
	} else if (strcmp(name, "cn") == 0) {
		c->common_name = strcmp(value, "0") != 0;
	} else if (strcmp(name, "last") == 0) {
		c->name_last = strcmp(value, "0") != 0;
	}
	return 0;
}

static int take_general(const char *name, const char *value, struct interpreter *ret)
{
	long long number;

	if (strcmp(name, "version") == 0)
		return put_text(value, ret->version, sizeof(ret->version));
	if (strcmp(name, "openssl") == 0)
		return put_text(value, ret->openssl, sizeof(ret->openssl));
	if (strcmp(name, "ciphers") == 0)
		return put_text(value, ret->ciphers, sizeof(ret->ciphers));
	if (strcmp(name, "problem") == 0) {
		snprintf(ret->problem, sizeof(ret->problem), "%s", value);
		return 0;
	}
	if (strcmp(name, "minimum") == 0) {
		if (put_number(value, 0, 0xffff, &number) != 0)
			return -1;
		ret->minimum = (int)number;
	} else if (strcmp(name, "options") == 0) {
		/* Python up to 3.11 shows a C long, which is negative if the top bit is set. */
		if (put_number(value, -0x80000000LL, 0xffffffffffffLL, &number) != 0)
			return -1;
		ret->options = (unsigned long long)number;
	} else if (strcmp(name, "openssl.major") == 0 || strcmp(name, "openssl.minor") == 0) {
		if (put_number(value, 0, 99, &number) != 0)
			return -1;
		ret->openssl_version +=
			strcmp(name, "openssl.major") == 0 ? 100 * (int)number : (int)number;
	}
	return 0;
}

static int take(const struct field *f, struct interpreter *ret)
{
	static const char *const prefix[INTERPRETER_KINDS] = {"ssl.", "certifi.", "requests."};

	for (int i = 0; i < INTERPRETER_KINDS; i++) {
		size_t len = strlen(prefix[i]);

		if (strncmp(f->name, prefix[i], len) != 0)
			continue;
		ret->has[i] = true;
		return take_client(f->name + len, f->value, &ret->client[i]);
	}
	return take_general(f->name, f->value, ret);
}

static const char *next_text(const char **at, const char *end)
{
	const char *text = *at, *stop = memchr(text, '\0', (size_t)(end - text));

	if (stop == NULL)
		return NULL;
	*at = stop + 1;
	return text;
}

int interpreter_read(const char *answer, size_t len, struct interpreter *ret)
{
	const char *end = answer + len;
	const char *at = memmem(answer, len, mark, sizeof(mark));
	int fields = 0;

	memset(ret, 0, sizeof(*ret));
	for (int i = 0; i < INTERPRETER_KINDS; i++)
		ret->client[i] = (struct interpreter_client){.level = -1, .common_name = true};
	if (at == NULL)
		return -1;
	at += sizeof(mark);
	while (at < end && fields++ < FIELDS_MAX) {
		struct field f;

		f.name = next_text(&at, end);
		f.value = f.name == NULL ? NULL : next_text(&at, end);
		if (f.value == NULL || take(&f, ret) != 0)
			return -1;
	}
	/* If an import fails halfway, some of the answers are missing. */
	ret->has[INTERPRETER_CERTIFI] = ret->client[INTERPRETER_CERTIFI].flags != 0;
	ret->has[INTERPRETER_REQUESTS] = ret->client[INTERPRETER_REQUESTS].flags != 0;
	ret->client[INTERPRETER_CERTIFI].strict_file = true;
	ret->client[INTERPRETER_REQUESTS].strict_file = true;
	return ret->version[0] != '\0' && ret->client[INTERPRETER_SSL].flags != 0 ? 0 : -1;
}

/*
 * Starts it in a session of its own, so that all its processes can be ended. Returns 0 or an errno.
 */
static int start(const char *exe, int output, pid_t *ret)
{
	char *const argv[] = {(char *)(uintptr_t)exe, (char *)(uintptr_t) "-c",
			      (char *)(uintptr_t)program, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t defaults, none;
	int error = posix_spawn_file_actions_init(&actions);

	if (error != 0)
		return error;
	error = posix_spawnattr_init(&attr);
	if (error != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return error;
	}
	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGXFSZ);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
							 O_WRONLY, 0);
	if (error == 0)
		error = posix_spawnp(ret, exe, &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* Returns the number of bytes up to the end, or a negative errno; -E2BIG, -ETIMEDOUT. */
static int read_answer(int fd, char *buf, size_t size)
{
	long long deadline = transport_now() + ANSWER_MS;
	size_t len = 0;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		long long left = deadline - transport_now();
		ssize_t got;
		int r = left <= 0 ? 0 : poll(&p, 1, (int)left);

		if (r == 0)
			return -ETIMEDOUT;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r < 0)
			continue;
		got = read(fd, buf + len, size - len);
		if (got == 0)
			return (int)len;
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0)
			len += (size_t)got;
		if (len == size)
			return -E2BIG;
	}
}

/* After its answer it must end soon. Returns its status like waitpid(). */
static int finish(pid_t pid, bool end)
{
	const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
	long long deadline = transport_now() + END_MS;
	int status = 0;
	pid_t r;

	for (;;) {
		if (end || transport_now() > deadline)
			kill(-pid, SIGKILL);
		r = waitpid(pid, &status, end ? 0 : WNOHANG);
		if (r == pid || (r < 0 && errno != EINTR))
			return status;
		if (r == 0)
			nanosleep(&pause, NULL);
	}
}

int interpreter_ask(const char *exe, struct interpreter *ret, struct reason *why)
{
	char *answer = malloc(ANSWER_MAX), shown[SHOW_MAX];
	int fds[2] = {-1, -1}, error, len = 0, status = 0, result = -1;
	pid_t pid = -1;

	show_text(exe, shown);
	error = answer == NULL ? ENOMEM : pipe2(fds, O_CLOEXEC) != 0 ? errno : 0;
	if (error == 0)
		error = start(exe, fds[1], &pid);
	if (fds[1] >= 0)
		close(fds[1]);
	if (error != 0) {
		reason_set(why, "%s: it can't be run: %s", shown, strerror(error));
		goto out;
	}
	len = read_answer(fds[0], answer, ANSWER_MAX);
	status = finish(pid, len < 0);
	if (len == -ETIMEDOUT)
		reason_set(why, "%s: no answer within %d s", shown, ANSWER_MS / 1000);
	else if (len < 0)
		reason_set(why, "%s: its answer can't be read: %s", shown, strerror(-len));
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		reason_set(why, "%s: it is no Python that can import ssl (status %d)", shown,
			   WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	else if (interpreter_read(answer, (size_t)len, ret) != 0)
		reason_set(why, "%s: it is no Python that is known here", shown);
	else
		result = 0;
out:
	if (fds[0] >= 0)
		close(fds[0]);
	free(answer);
	return result;
}
