/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks/stackwatch.h"

#include "libc/hash.h"
#include "program/procfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	TASKS_MAX = 100000,
	LOOK_MS = 50,	  /* between looks at what runs, if traced */
	POLL_MS = 10,	  /* if polled */
	GRACE_MS = 1000,  /* for processes that outlive the command */
	DETACH_MS = 2000, /* until all have been released */
	PAUSE_MAX_MS = 100,
	SHARE = 5,	  /* a pause lasts SHARE times as long as a look */
	FIRST_EXECS = 2,  /* catrust-run's and the command's */
	DEPTH_MAX = 100,  /* of a tree of processes */
	EVENT_STOP = 128, /* of the process tree */
};

/* PTRACE_EVENT_STOP; headers disagree about which of them has it */
struct task {
	pid_t tid, pid;
	unsigned long long start; /* of a polled process */
	uint64_t image;		  /* of the arguments of a polled process */
	bool is_met;
};

struct watch {
	struct stackwatch *of;
	pid_t root;
	int execs; /* of the root */
	bool ended;
	bool leaving;	  /* all are being released */
	bool interrupted; /* the user does not want to wait longer */
	struct task *task;
	size_t task_count;
};

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* --- tasks --- */

static struct task *find(struct watch *w, pid_t tid)
{
	for (size_t i = 0; i < w->task_count; i++)
		if (w->task[i].tid == tid)
			return &w->task[i];
	return NULL;
}

static pid_t process_of(pid_t tid)
{
	long pid = procfile_status_of(tid, "Tgid:");

	return pid > 0 ? (pid_t)pid : tid;
}

/* NULL: there are too many. */
static struct task *meet(struct watch *w, pid_t tid)
{
	struct task *task = find(w, tid);

	if (task != NULL)
		return task;
	if (w->task_count >= TASKS_MAX)
		return NULL;
	if ((w->task_count & (w->task_count - 1)) == 0) {
		size_t room = w->task_count == 0 ? 1 : 2 * w->task_count;

		task = realloc(w->task, room * sizeof(*task));
		if (task == NULL)
			return NULL;
		w->task = task;
	}
	task = &w->task[w->task_count++];
	*task = (struct task){.tid = tid, .pid = process_of(tid)};
	return task;
}

static void forget(struct watch *w, pid_t tid)
{
	struct task *task = find(w, tid);

	if (task != NULL)
		*task = w->task[--w->task_count];
}

/* --- the command --- */

static void start_child(const struct watch *w, const sigset_t *mask, int go)
{
	char byte;

	/* The command must not inherit what main() ignores. */
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGTSTP, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	if (w->of->out_to_err)
		dup2(STDERR_FILENO, STDOUT_FILENO);
	/* Waits until it is traced. */
	while (read(go, &byte, 1) < 0 && errno == EINTR)
		;
	execv(w->of->argv[0], w->of->argv);
	_exit(127);
}

static bool trace(pid_t pid)
{
	unsigned long options = PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_TRACEFORK |
				PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;

	return ptrace(PTRACE_SEIZE, pid, NULL, (void *)options) == 0;
}

static int start(struct watch *w, const sigset_t *mask, struct reason *why)
{
	int go[2];

	if (pipe2(go, O_CLOEXEC) != 0) {
		reason_set(why, "pipe: %s", strerror(errno));
		return -1;
	}
	w->root = fork();
	if (w->root < 0) {
		reason_set(why, "fork: %s", strerror(errno));
		close(go[0]);
		close(go[1]);
		return -1;
	}
	if (w->root == 0) {
		close(go[1]);
		start_child(w, mask, go[0]);
	}
	close(go[0]);
	w->of->is_polled = w->of->never_traces || !trace(w->root);
	/* Processes that outlive their parent become our children, and so are found. */
	if (w->of->is_polled)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	close(go[1]);
	return 0;
}

/* --- what happens, when it is traced --- */

static void go_on(pid_t tid, int sig)
{
	ptrace(PTRACE_CONT, tid, NULL, (void *)(long)sig);
}

static void on_exec(struct watch *w, pid_t tid)
{
	/* The other threads are gone without notice, and this one is the first thread now. */
	for (size_t i = w->task_count; i-- > 0;)
		if (w->task[i].pid == tid && w->task[i].tid != tid)
			w->task[i] = w->task[--w->task_count];
	if (tid == w->root && w->execs < FIRST_EXECS)
		w->execs++;
	if (w->execs == FIRST_EXECS) {
		w->of->started = true;
		stacktree_exec(w->of->tree, tid);
		stacktree_look(w->of->tree, tid, tid);
	}
}

static void on_exit_of(struct watch *w, const struct task *task)
{
	/* Reads the maps of the first thread, or of another one if the first has ended. */
	if (w->of->started && (task->tid == task->pid || find(w, task->pid) == NULL))
		stacktree_look(w->of->tree, task->pid, task->tid);
}

static void on_fork(struct watch *w, const struct task *parent)
{
	unsigned long message = 0;
	pid_t pid = parent->pid;
	const struct task *child;

	if (ptrace(PTRACE_GETEVENTMSG, parent->tid, NULL, &message) != 0)
		return;
	child = meet(w, (pid_t)message);
	if (w->of->started && child != NULL && child->pid != pid)
		stacktree_fork(w->of->tree, pid, child->pid);
}

/* A new process may stop before its parent reports the fork, and may be another program by then. */
static void on_birth(const struct watch *w, const struct task *child)
{
	long parent;

	if (!w->of->started || child->tid != child->pid)
		return;
	parent = procfile_status_of(child->tid, "PPid:");
	if (parent > 0)
		stacktree_fork(w->of->tree, (pid_t)parent, child->pid);
}

/* When the terminal stops the command, stops this process, too, so that the shell stops waiting. */
static void stop_with(const struct watch *w, pid_t tid, int sig)
{
	if (tid == w->root && (sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU) &&
	    tcgetpgrp(STDIN_FILENO) == getpgrp())
		raise(SIGSTOP);
}

static bool stops(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static void on_stop(struct watch *w, pid_t tid, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;
	bool is_known = find(w, tid) != NULL;
	struct task *task = meet(w, tid);

	if (task != NULL) {
		if (!is_known)
			on_birth(w, task);
		if (event == PTRACE_EVENT_EXEC)
			on_exec(w, tid);
		else if (event == PTRACE_EVENT_EXIT)
			on_exit_of(w, task);
		else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
			 event == PTRACE_EVENT_CLONE)
			on_fork(w, task);
	}
	if (w->leaving) {
		ptrace(PTRACE_DETACH, tid, NULL, (void *)(long)(event == 0 ? sig : 0));
		forget(w, tid);
	} else if (event == EVENT_STOP && stops(sig)) {
		ptrace(PTRACE_LISTEN, tid, NULL, NULL);
		stop_with(w, tid, sig);
	} else {
		go_on(tid, event == 0 ? sig : 0);
	}
}

/* --- and when it is polled --- */

static uint64_t image_of(pid_t pid)
{
	size_t len = 0;
	char *text = procfile_read(pid, "cmdline", &len);
	uint64_t hash = hash_bytes(text, len);

	free(text);
	return hash;
}

/* Is the root still catrust-run, or even a copy of this process? */
static bool is_start(const struct watch *w, pid_t pid)
{
	size_t len = 0, first;
	char *text;
	bool result;

	if (pid != w->root || w->of->started)
		return !w->of->started;
	text = procfile_read(pid, "cmdline", &len);
	if (text == NULL)
		return true;
	first = strlen(text) + 1;
	/* sh .../catrust-run ... */
	result = first >= len || strcmp(text + first, w->of->argv[0]) == 0 ||
		 image_of(pid) == image_of(getpid());
	free(text);
	return result;
}

static unsigned long long start_of(pid_t pid)
{
	unsigned long long start = 0;
	size_t len;
	char *text = procfile_read(pid, "stat", &len);

	if (text != NULL && !procfile_start(text, &start))
		start = 0;
	free(text);
	return start;
}

static void poll_process(struct watch *w, pid_t pid, pid_t parent)
{
	unsigned long long start = start_of(pid);
	struct task *task = find(w, pid);
	uint64_t image;

	if (is_start(w, pid))
		return;
	w->of->started = true;
	image = image_of(pid);
	if (task != NULL && task->start != start) {
		stacktree_gone(w->of->tree, pid);
		forget(w, pid);
		task = NULL;
	}
	if (task == NULL) {
		task = meet(w, pid);
		if (task == NULL)
			return;
		task->start = start;
		task->image = image;
		stacktree_fork(w->of->tree, parent, pid);
		/* If its arguments are still its parent's, it has not called exec yet. */
		if (image != image_of(parent))
			stacktree_exec(w->of->tree, pid);
	} else if (task->image != image) {
		task->image = image;
		stacktree_exec(w->of->tree, pid);
	}
	task->is_met = true;
	stacktree_look(w->of->tree, pid, pid);
}

static void poll_children(struct watch *w, pid_t pid, int depth);

/* Each thread has its own children. */
static void poll_tasks(struct watch *w, pid_t pid, int depth)
{
	const struct dirent *entry;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
	dir = opendir(path);
	if (dir == NULL)
		return;
	/* cppcheck-suppress readdirCalled; glibc deprecates readdir_r */
	while ((entry = readdir(dir)) != NULL) {
		char *end, *text, *at;
		long tid = strtol(entry->d_name, &end, 10);
		size_t len;

		if (tid <= 0 || *end != '\0')
			continue;
		snprintf(path, sizeof(path), "task/%ld/children", tid);
		text = procfile_read(pid, path, &len);
		for (at = text; at != NULL && *at != '\0';) {
			long child = strtol(at, &end, 10);

			if (end == at)
				break;
			at = end + strspn(end, " ");
			poll_process(w, (pid_t)child, pid);
			poll_children(w, (pid_t)child, depth);
		}
		free(text);
	}
	closedir(dir);
}

static void poll_children(struct watch *w, pid_t pid, int depth)
{
	if (depth < DEPTH_MAX)
		poll_tasks(w, pid, depth + 1);
}

/*
 * Our children are the command and processes that have lost their parent (PR_SET_CHILD_SUBREAPER).
 */
static void poll_all(struct watch *w)
{
	for (size_t i = 0; i < w->task_count; i++)
		w->task[i].is_met = false;
	poll_children(w, getpid(), 0);
	for (size_t i = w->task_count; i-- > 0;) {
		if (w->task[i].is_met)
			continue;
		stacktree_gone(w->of->tree, w->task[i].pid);
		w->task[i] = w->task[--w->task_count];
	}
}

/* --- both --- */

static void on_end(struct watch *w, pid_t tid, int status)
{
	const struct task *task = find(w, tid);

	if (task != NULL && task->tid == task->pid)
		stacktree_gone(w->of->tree, tid);
	forget(w, tid);
	if (tid == w->root) {
		w->ended = true;
		w->of->status = status;
	}
}

/* Handles all events so far. */
static void take_events(struct watch *w)
{
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		if (WIFSTOPPED(status))
			on_stop(w, tid, status);
		else
			on_end(w, tid, status);
	}
}

/* Forwards a signal that was sent to us; the command gets the terminal's signals anyway. */
static void on_signal(struct watch *w, const siginfo_t *info)
{
	if (info->si_signo == SIGCHLD)
		return;
	w->interrupted = w->ended;
	if (!w->ended && info->si_code <= 0)
		kill(w->root, info->si_signo);
}

static void wait_for_signal(struct watch *w, const sigset_t *signals, long long ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000};
	siginfo_t info;

	if (ms < 0)
		time = (struct timespec){0, 0};
	if (sigtimedwait(signals, &info, &time) > 0)
		on_signal(w, &info);
}

static void see(void *arg, pid_t pid)
{
	stacktree_look(arg, pid, pid);
}

static void look(struct watch *w)
{
	if (w->of->is_polled)
		poll_all(w);
	else
		/*
		 * When a process becomes another program, the list of what it had loaded is lost.
		 */
		stacktree_each(w->of->tree, see, w->of->tree);
}

static bool goes_on(const struct watch *w)
{
	return w->task_count > 0;
}

/* Even with many processes, looking takes only a part of the time. */
static long long next_look(const struct watch *w, long long took)
{
	long long least = w->of->is_polled ? POLL_MS : LOOK_MS, pause = SHARE * took;

	if (pause > PAUSE_MAX_MS)
		pause = PAUSE_MAX_MS;
	return now_ms() + (pause > least ? pause : least);
}

static void loop(struct watch *w, const sigset_t *signals)
{
	long long next = 0, until = 0, began;

	for (;;) {
		take_events(w);
		if (w->ended && until == 0) {
			until = now_ms() + GRACE_MS;
			look(w); /* finds out who is left */
		}
		if (w->ended && (!goes_on(w) || w->interrupted || now_ms() >= until))
			break;
		began = now_ms();
		if (began >= next) {
			look(w);
			next = next_look(w, now_ms() - began);
		}
		wait_for_signal(w, signals, next - now_ms());
	}
	look(w);
}

/* Releases the processes that outlive the command, wherever they are. */
static void leave(struct watch *w, const sigset_t *signals)
{
	long long until = now_ms() + DETACH_MS;

	if (w->of->is_polled)
		return;
	w->leaving = true;
	for (size_t i = 0; i < w->task_count; i++)
		ptrace(PTRACE_INTERRUPT, w->task[i].tid, NULL, NULL);
	while (w->task_count > 0 && now_ms() < until) {
		take_events(w);
		if (w->task_count > 0)
			wait_for_signal(w, signals, LOOK_MS);
	}
}

int stackwatch_run(struct stackwatch *watch, struct reason *why)
{
	static const int ours[] = {SIGCHLD, SIGTERM, SIGHUP,  SIGINT,
				   SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM};
	struct watch w = {.of = watch};
	sigset_t signals, before;
	int result;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		sigaddset(&signals, ours[i]);
	sigprocmask(SIG_BLOCK, &signals, &before);
	signal(SIGTSTP, SIG_IGN); /* see stop_with() */
	signal(SIGCHLD, SIG_DFL);
	result = start(&w, &before, why);
	if (result == 0) {
		loop(&w, &signals);
		stacktree_finish(watch->tree);
		leave(&w, &signals);
	}
	signal(SIGTSTP, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	free(w.task);
	return result;
}
