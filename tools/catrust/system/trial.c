/* SPDX-License-Identifier: Apache-2.0 */
#include "system/trial.h"

#include "base/show.h"
#include "program/script.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS = 5, OUTPUT_MAX = 4096, PATIENCE_MS = 30 * 1000, NOBODY = 65534, PARTS = 2 };

/* The first word is searched; if it is missing, the trial is skipped. An ordinary user also runs
 * the first ones; the last two of these then get root's rights. */
enum { BY_USERS = 4 };
static const char *const programs[][WORDS] = {
	{"true"},
	{"sh", "-c", "exit 0"},
	{"sudo", "-V"},
	{"su", "--version"},
	{"bash", "-c", "exit 0"},
	{"busybox", "true"},
	{"env", "true"},
	{"python3", "-I", "-c", "import ssl"},
	{"perl", "-e", "exit 0"},
	{"ssh", "-V"},
	{"curl", "--version"},
	{"openssl", "version"},
	{"systemctl", "--version"},
};

enum {
	PROGRAMS = sizeof(programs) / sizeof(*programs),
	RUNS_MAX = PROGRAMS + BY_USERS + LINKERS_MAX
};

struct outcome {
	int status;		      /* as from waitpid(); -1: it did not end in time */
	char text[PARTS][OUTPUT_MAX]; /* of standard output and error */
	size_t len[PARTS];
};

struct run {
	const char *word[WORDS + 1];
	char path[PATH_MAX]; /* of the program */
	char argument[PATH_MAX];
	bool by_nobody;
	bool is_list; /* a linker's list includes the library, so only its errors count */
	struct outcome before;
};

struct trial {
	struct run run[RUNS_MAX];
	size_t count;
};

/* Runs in the child. */
static void become(const struct run *r, const char *preload, int out, int err)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	/* In a directory where nobody else can put files that programs load, and not in a home. */
	if (chdir("/") != 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
		_exit(125);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	if (preload != NULL)
		setenv("LD_PRELOAD", preload, 1);
	else
		unsetenv("LD_PRELOAD");
	/* If a container has only one user, root runs all trials. */
	if (r->by_nobody && setgid(NOBODY) == 0 && setuid(NOBODY) != 0)
		_exit(125);
	execv(r->path, (char *const *)(uintptr_t)r->word);
	_exit(126);
}

static long ms_now(void)
{
	struct timespec now = {0, 0};

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads until both ends are closed. Returns false if it takes too long. */
static bool read_both(int fds[PARTS], struct outcome *o)
{
	struct pollfd p[PARTS] = {{.fd = fds[0], .events = POLLIN},
				  {.fd = fds[1], .events = POLLIN}};
	long end = ms_now() + PATIENCE_MS;

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		long left = end - ms_now();

		if (left <= 0 || poll(p, PARTS, (int)left) <= 0)
			return false;
		for (int i = 0; i < PARTS; i++) {
			char rest[512];
			size_t room = OUTPUT_MAX - o->len[i];
			ssize_t got;

			if (p[i].fd < 0 || p[i].revents == 0)
				continue;
			got = read(p[i].fd, room > 0 ? o->text[i] + o->len[i] : rest,
				   room > 0 ? room : sizeof(rest));
			if (got <= 0)
				p[i].fd = -1;
			else if (room > 0)
				o->len[i] += (size_t)got;
		}
	}
	return true;
}

/* Returns 0 and *o, or -1: it could not be run. */
static int run_one(const struct run *r, const char *preload, struct outcome *o)
{
	int out[2], err[2], fds[PARTS];
	bool in_time;
	pid_t pid;

	memset(o, 0, sizeof(*o));
	if (pipe2(out, O_CLOEXEC) != 0)
		return -1;
	if (pipe2(err, O_CLOEXEC) != 0) {
		close(out[0]);
		close(out[1]);
		return -1;
	}
	pid = fork();
	if (pid == 0)
		become(r, preload, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	fds[0] = out[0];
	fds[1] = err[0];
	in_time = pid > 0 && read_both(fds, o);
	if (pid > 0 && !in_time)
		kill(pid, SIGKILL);
	while (pid > 0 && waitpid(pid, &o->status, 0) < 0 && errno == EINTR)
		continue;
	if (!in_time)
		o->status = -1;
	close(out[0]);
	close(err[0]);
	return pid > 0 ? 0 : -1;
}

static bool same_part(const struct outcome *a, const struct outcome *b, int part)
{
	return a->len[part] == b->len[part] &&
	       memcmp(a->text[part], b->text[part], a->len[part]) == 0;
}

static bool is_same(const struct run *r, const struct outcome *o)
{
	return r->before.status == o->status && (r->is_list || same_part(&r->before, o, 0)) &&
	       same_part(&r->before, o, 1);
}

/* Keeps the run if two attempts without the library give the same result. */
static void keep(struct trial *t, struct run *r)
{
	struct outcome *again = malloc(sizeof(*again));

	if (again != NULL && run_one(r, NULL, &r->before) == 0 && run_one(r, NULL, again) == 0 &&
	    is_same(r, again))
		t->count++;
	free(again);
}

static void add(struct trial *t, const char *const *words, bool by_nobody)
{
	const char *search = getenv("PATH");
	struct run *r = &t->run[t->count];

	for (size_t i = 0; i < WORDS; i++)
		r->word[i] = words[i];
	r->by_nobody = by_nobody;
	if (script_find(words[0], search == NULL ? "/usr/bin:/bin" : search, r->path))
		keep(t, r);
}

/* There may be no program of another kind, but there is its C library. */
static void add_linker(struct trial *t, const struct linker *l)
{
	struct run *r = &t->run[t->count];

	if (l->lib[0] == '\0')
		return;
	snprintf(r->argument, sizeof(r->argument), "/%s/libc.so.6", l->lib);
	if (access(r->argument, R_OK) != 0)
		return;
	snprintf(r->path, sizeof(r->path), "%s", l->path);
	r->word[0] = r->path;
	r->word[1] = "--list";
	r->word[2] = r->argument;
	r->is_list = true;
	keep(t, r);
}

struct trial *trial_new(const struct linkers *linkers)
{
	struct trial *t = calloc(1, sizeof(*t));

	for (size_t i = 0; t != NULL && i < PROGRAMS; i++) {
		add(t, programs[i], false);
		if (i < BY_USERS)
			add(t, programs[i], true);
	}
	for (size_t i = 0; t != NULL && i < linkers->count; i++)
		add_linker(t, &linkers->item[i]);
	return t;
}

void trial_free(struct trial *t)
{
	free(t);
}

static void set_reason(const struct run *r, const struct outcome *o, struct reason *why)
{
	char shown[SHOW_MAX], said[300], line[200];
	int part = o->len[1] > 0 || r->is_list ? 1 : 0;
	size_t len = o->len[part];
	const char *end = memchr(o->text[part], '\n', len);

	if (end != NULL)
		len = (size_t)(end - o->text[part]);
	snprintf(line, sizeof(line), "%.*s", len > 190 ? 190 : (int)len, o->text[part]);
	show_bytes(said, sizeof(said), line, strlen(line), 0);
	reason_set(why, "%s%s behaves differently with the library: %s%s%s",
		   show_text(r->path, shown), r->by_nobody ? ", run by a user," : "",
		   o->status == -1	    ? "it does not end"
		   : WIFSIGNALED(o->status) ? "it is ended by a signal"
		   : WEXITSTATUS(o->status) != WEXITSTATUS(r->before.status)
			   ? "it fails"
			   : "it prints something else",
		   said[0] == '\0' ? "" : ": ", said);
}

int trial_again(const struct trial *t, const char *preload, struct reason *why)
{
	struct outcome *o = malloc(sizeof(*o));
	int result = 0;

	if (o == NULL) {
		reason_set(why, "out of memory");
		return -1;
	}
	for (size_t i = 0; result == 0 && i < t->count; i++) {
		if (run_one(&t->run[i], preload, o) != 0) {
			reason_set(why, "no program can be started: %s", strerror(errno));
			result = -1;
		} else if (!is_same(&t->run[i], o)) {
			set_reason(&t->run[i], o, why);
			result = -1;
		}
	}
	free(o);
	return result;
}
