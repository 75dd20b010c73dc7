/* SPDX-License-Identifier: Apache-2.0 */
#include "ps/running.h"

#include "program/procfile.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A view belongs to the same environment, so path is not needed. */
static bool has_all(void *arg, enum tls_variable variable, const char *path)
{
	const struct running *r = arg;

	(void)path;
	return r->now != NULL && (r->now->good & 1U << variable) != 0;
}

/* Data about a process from stat. */
struct stat_line {
	unsigned long long start; /* in ticks since the machine's start */
	bool is_program;	  /* neither a kernel thread nor a process that has ended */
};

static bool read_stat(pid_t pid, struct stat_line *ret)
{
	enum { STATE = 3, FLAGS = 9, KERNEL_THREAD = 0x00200000 };
	size_t len;
	char *text = procfile_read(pid, "stat", &len);
	const char *state = text == NULL ? NULL : procfile_field(text, STATE),
		   *flags = text == NULL ? NULL : procfile_field(text, FLAGS);
	bool is_read = state != NULL && flags != NULL && procfile_start(text, &ret->start);

	if (is_read)
		ret->is_program = *state != 'Z' && *state != 'X' &&
				  (strtoul(flags, NULL, 10) & KERNEL_THREAD) == 0;
	free(text);
	return is_read;
}

static time_t time_of(unsigned long long ticks)
{
	long each_second = sysconf(_SC_CLK_TCK);
	struct timespec now, up;

	if (each_second <= 0 || clock_gettime(CLOCK_REALTIME, &now) != 0 ||
	    clock_gettime(CLOCK_BOOTTIME, &up) != 0)
		return 0;
	return now.tv_sec - up.tv_sec + (time_t)(ticks / (unsigned long long)each_second);
}

static int add(struct running *r, const struct running_process *p)
{
	struct running_process *more;

	/* The array doubles at powers of two. */
	if ((r->count & (r->count - 1)) == 0) {
		more = realloc(r->process, (r->count == 0 ? 1 : 2 * r->count) * sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		r->process = more;
	}
	r->process[r->count++] = *p;
	return 0;
}

/* Skips a process that has ended meanwhile, or whose number belongs to another one by now. */
static int look_at(struct running *r, pid_t pid)
{
	struct stat_line before, after;
	struct running_process p = {.pid = pid};
	size_t count = stacktree_count(r->tree);

	if (!read_stat(pid, &before) || !before.is_program)
		return 0;
	r->now = p.view = views_of(r->views, pid);
	p.user = procfile_status_of(pid, "Uid:");
	p.since = time_of(before.start);
	stacktree_found(r->tree, pid);
	r->now = NULL;
	if (!read_stat(pid, &after) || !after.is_program || after.start != before.start ||
	    stacktree_count(r->tree) == count)
		return 0;
	p.program = count;
	if (stacktree_program(r->tree, count)->is_own)
		return 0;
	if (p.view == NULL || stacktree_program(r->tree, count)->is_closed) {
		r->closed++;
		return 0;
	}
	return add(r, &p);
}

static pid_t number_of(const char *name)
{
	size_t len = strlen(name);

	return len == 0 || len > 9 || strspn(name, "0123456789") != len
		       ? -1
		       : (pid_t)strtol(name, NULL, 10);
}

int running_read(struct running *ret)
{
	const struct dirent *entry;
	int result = 0;
	DIR *proc;

	*ret = (struct running){.views = views_new()};
	ret->tree = stacktree_new(has_all, ret);
	if (ret->views == NULL || ret->tree == NULL)
		return -ENOMEM;
	proc = opendir("/proc");
	if (proc == NULL)
		return -errno;
	/* cppcheck-suppress readdirCalled; glibc deprecates readdir_r */
	while (result == 0 && (entry = readdir(proc)) != NULL) {
		pid_t pid = number_of(entry->d_name);

		if (pid > 0 && pid != getpid())
			result = look_at(ret, pid);
	}
	closedir(proc);
	return result;
}

void running_clear(struct running *r)
{
	stacktree_free(r->tree);
	views_free(r->views);
	free(r->process);
	*r = (struct running){.tree = NULL};
}
