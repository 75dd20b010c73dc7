/* SPDX-License-Identifier: Apache-2.0 */
#include "ps/view.h"

#include "base/reason.h"
#include "program/procfile.h"
#include "store/merge.h"
#include "store/trusted.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KINDS_MAX = 20000, GROUPS_MAX = 64, WAIT_S = 10, MS = 1000 };

/* A view, and the data that it depends on: processes with the same data share a view. */
struct kind {
	struct kind *next;
	char *key;
	size_t key_len;
	struct view view;
};

struct views {
	struct kind *first;
	size_t count;
};

/* Data about a process, read from outside. The texts are in its environment, or NULL. */
struct self {
	pid_t pid;
	char *text;
	size_t text_len;
	char cwd[PATH_MAX];
	struct trustdir_sources sources;
	uid_t user; /* the user that started it */
	const char *variable[TLS_VARIABLES];
	struct stat root;
	char mounts[64], users[64]; /* its namespaces */
	char ids[256];		    /* the lines of status with its user and groups */
};

struct views *views_new(void)
{
	return calloc(1, sizeof(struct views));
}

void views_free(struct views *v)
{
	while (v != NULL && v->first != NULL) {
		struct kind *next = v->first->next;

		for (size_t i = 0; i < v->first->view.source_count; i++)
			free(v->first->view.source[i].path);
		free(v->first->key);
		free(v->first);
		v->first = next;
	}
	free(v);
}

static void read_link(pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	len = readlink(path, buf, size - 1);
	buf[len < 0 ? 0 : len] = '\0';
}

static const char *variable(const struct self *s, const char *name)
{
	const char *value = procfile_variable(s->text, s->text_len, name);

	return value == NULL || value[0] == '\0' ? NULL : value;
}

/* Reads them like the library's config.c. */
static void take_sources(struct self *s)
{
	const char *allow = variable(s, "CATRUST_ALLOW_WRITABLE");
	size_t len = 0;
	char *aux = procfile_read(s->pid, "auxv", &len);

	s->sources = (struct trustdir_sources){
		.dirs = variable(s, "CATRUST_DIR"),
		.pem = variable(s, "CATRUST_PEM"),
		.home = variable(s, "HOME"),
		.xdg = variable(s, "XDG_CONFIG_HOME"),
		.cwd = s->cwd,
		.allow_writable = allow != NULL && strcmp(allow, "1") == 0,
		.privileged = aux != NULL && procfile_aux(aux, len, AT_SECURE) != 0,
	};
	if (aux != NULL) {
		s->user = (uid_t)procfile_aux(aux, len, AT_EUID);
		s->sources.user = &s->user;
	}
	free(aux);
	for (int i = 0; i < TLS_VARIABLES; i++)
		s->variable[i] = variable(s, tls_variable_name[i]);
}

static void take_ids(struct self *s)
{
	static const char *const names[] = {"Uid:", "Gid:", "Groups:"};
	size_t len = 0, at = 0;
	char *status = procfile_read(s->pid, "status", &len);

	for (size_t i = 0; status != NULL && i < sizeof(names) / sizeof(*names); i++) {
		const char *line = strstr(status, names[i]);
		size_t most = sizeof(s->ids) - 1 - at,
		       size = line == NULL ? 0 : strcspn(line, "\n");

		size = size < most ? size : most;
		memcpy(s->ids + at, line == NULL ? "" : line, size);
		at += size;
	}
	s->ids[at] = '\0';
	free(status);
}

/* The current folder, as the process itself would name it. */
static void read_cwd(struct self *s)
{
	char root[PATH_MAX];
	size_t len;

	read_link(s->pid, "cwd", s->cwd, sizeof(s->cwd));
	read_link(s->pid, "root", root, sizeof(root));
	len = strlen(root);
	if (len > 1 && strncmp(s->cwd, root, len) == 0 && s->cwd[len] == '/')
		memmove(s->cwd, s->cwd + len, strlen(s->cwd + len) + 1);
}

/* Returns 0, or -1: it can't be read. */
static int read_self(pid_t pid, struct self *ret)
{
	char path[64];

	*ret = (struct self){.pid = pid};
	ret->text = procfile_read(pid, "environ", &ret->text_len);
	snprintf(path, sizeof(path), "/proc/%ld/root/", (long)pid);
	if (ret->text == NULL || stat(path, &ret->root) != 0) {
		free(ret->text);
		return -1;
	}
	read_cwd(ret);
	read_link(pid, "ns/mnt", ret->mounts, sizeof(ret->mounts));
	read_link(pid, "ns/user", ret->users, sizeof(ret->users));
	take_sources(ret);
	take_ids(ret);
	return 0;
}

static bool is_elsewhere(const struct self *s)
{
	char mounts[64];
	struct stat root;

	read_link(getpid(), "ns/mnt", mounts, sizeof(mounts));
	return stat("/", &root) != 0 || root.st_dev != s->root.st_dev ||
	       root.st_ino != s->root.st_ino || strcmp(mounts, s->mounts) != 0;
}

/* --- in the child --- */

/* The user and groups of a process, as numbers in our user namespace. */
struct identity {
	uid_t user;
	gid_t group, groups[GROUPS_MAX];
	size_t count;
};

static size_t take_numbers(const char *status, const char *name, unsigned ret[], size_t most)
{
	const char *at = strstr(status, name);
	size_t count = 0;

	at = at == NULL ? "" : at + strlen(name);
	while (count < most && *at != '\n' && *at != '\0') {
		char *end;
		unsigned long value = strtoul(at, &end, 10);

		if (end == at)
			break;
		ret[count++] = (unsigned)value;
		at = end + strspn(end, "\t ");
	}
	return count;
}

static bool read_identity(pid_t pid, struct identity *ret)
{
	enum { EFFECTIVE = 1 };
	unsigned user[2], group[2], more[GROUPS_MAX];
	size_t len;
	char *status = procfile_read(pid, "status", &len);
	bool is_read = status != NULL && take_numbers(status, "\nUid:\t", user, 2) == 2 &&
		       take_numbers(status, "\nGid:\t", group, 2) == 2;

	if (is_read) {
		*ret = (struct identity){.user = user[EFFECTIVE], .group = group[EFFECTIVE]};
		ret->count = take_numbers(status, "\nGroups:\t", more, GROUPS_MAX);
		for (size_t i = 0; i < ret->count; i++)
			ret->groups[i] = more[i];
	}
	free(status);
	return is_read;
}

static bool become(const struct identity *other)
{
	if (other->user == geteuid() && other->group == getegid())
		return true;
	/* Many user namespaces forbid it. */
	if (setgroups(other->count, other->groups) != 0 && errno != EPERM)
		return false;
	return setresgid(other->group, other->group, other->group) == 0 &&
	       setresuid(other->user, other->user, other->user) == 0;
}

/* Enters the user namespace of a process, unless it is ours. */
static bool enter_users(const struct self *s)
{
	char path[64], users[64];
	bool is_there;
	int ns;

	read_link(getpid(), "ns/user", users, sizeof(users));
	if (strcmp(users, s->users) == 0)
		return true;
	snprintf(path, sizeof(path), "/proc/%ld/ns/user", (long)s->pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	is_there = ns >= 0 && setns(ns, CLONE_NEWUSER) == 0;
	if (ns >= 0)
		close(ns);
	return is_there;
}

/* Enters the namespaces and root of the process, and becomes its user. */
static bool enter(const struct self *s, bool elsewhere)
{
	struct identity identity;
	char path[64];
	bool is_there;
	int root;

	/* Opens the root first, because the user namespace may forbid it. */
	snprintf(path, sizeof(path), "/proc/%ld/root", (long)s->pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return false;
	is_there = enter_users(s) && read_identity(s->pid, &identity) &&
		   (!elsewhere || (fchdir(root) == 0 && chroot(".") == 0)) && become(&identity);
	close(root);
	return is_there;
}

/* The child's answer. */
struct answer {
	size_t anchors, skipped;
	unsigned good, there; /* bits: variables, sources */
};

static bool is_there(const struct self *s, const char *path)
{
	char whole[2 * PATH_MAX + 2];
	struct stat st;

	if (path[0] != '/')
		snprintf(whole, sizeof(whole), "%s/%s", s->cwd, path);
	return stat(path[0] == '/' ? path : whole, &st) == 0;
}

static int answer(const struct self *s, const struct view *v, struct answer *ret)
{
	struct reason ignored = {""};
	struct trusted trusted;
	bool any = false;

	*ret = (struct answer){.anchors = 0};
	if (!enter(s, v->is_elsewhere) || trusted_read(&s->sources, &trusted) != 0)
		return -1;
	for (size_t i = 0; i < trusted.anchors->count; i++) {
		ret->anchors += trusted.cert[i] != NULL;
		any = any || (trusted.cert[i] != NULL && trusted.anchors->anchor[i].scopes == NULL);
	}
	ret->skipped = trusted.anchors->count - ret->anchors + trusted.anchors->problems_lost;
	for (size_t i = 0; i < trusted.anchors->problem_count; i++)
		ret->skipped += trusted.anchors->problem[i].level == TRUSTDIR_ERROR;
	/* A file never contains an anchor with a scope. */
	for (int i = 0; any && i < TLS_VARIABLES; i++)
		if (s->variable[i] != NULL && s->variable[i][0] == '/' &&
		    merge_verify(s->variable[i], &trusted, &ignored) == 0)
			ret->good |= 1U << i;
	for (size_t i = 0; i < v->source_count; i++)
		if (is_there(s, v->source[i].path))
			ret->there |= 1U << i;
	return 0;
}

/* --- and outside --- */

static bool wait_for(int fd, struct answer *ret)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	int count;

	do
		count = poll(&ready, 1, (WAIT_S + 1) * MS);
	while (count < 0 && errno == EINTR);
	return count == 1 && read(fd, ret, sizeof(*ret)) == (ssize_t)sizeof(*ret);
}

/* Asks a child, which ends after WAIT_S at the latest. */
static void ask(const struct self *s, struct view *v)
{
	struct answer a;
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	child = fork();
	if (child == 0) {
		alarm(WAIT_S);
		if (answer(s, v, &a) == 0 && write(ends[1], &a, sizeof(a)) == (ssize_t)sizeof(a))
			_exit(0);
		_exit(1);
	}
	close(ends[1]);
	if (child > 0 && wait_for(ends[0], &a)) {
		v->is_known = true;
		v->anchors = a.anchors;
		v->skipped = a.skipped;
		v->good = a.good;
		for (size_t i = 0; i < v->source_count; i++)
			v->source[i].is_there = (a.there & 1U << i) != 0;
	}
	close(ends[0]);
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
}

static void add_source(struct view *v, const char *path)
{
	char *copy = v->source_count < VIEW_SOURCES ? strdup(path) : NULL;

	if (copy == NULL)
		v->has_more = true;
	else
		v->source[v->source_count++].path = copy;
}

static void list_sources(const struct self *s, struct view *v)
{
	char path[PATH_MAX];

	if (s->sources.privileged) {
		add_source(v, TRUSTDIR_SYSTEM);
		return;
	}
	for (size_t i = 0; !v->has_more && trusted_path(&s->sources, i, path); i++)
		add_source(v, path);
}

/* All data that a view depends on, as bytes to be freed; NULL: out of memory. */
static char *make_key(const struct self *s, size_t *ret_len)
{
	const struct trustdir_sources *from = &s->sources;
	const char *const texts[] = {from->dirs, from->pem, from->home, from->xdg,
				     s->mounts,	 s->users,  s->ids};
	bool is_relative = from->dirs != NULL && from->dirs[0] != '/';
	char *key = NULL;
	FILE *to = open_memstream(&key, ret_len);

	if (to == NULL)
		return NULL;
	fprintf(to, "%llx %llx %d %d %ld", (unsigned long long)s->root.st_dev,
		(unsigned long long)s->root.st_ino, from->privileged, from->allow_writable,
		from->user != NULL ? (long)s->user : -1L);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		fprintf(to, "%c%s", texts[i] == NULL ? '-' : '+', texts[i] == NULL ? "" : texts[i]);
	for (int i = 0; i < TLS_VARIABLES; i++)
		fprintf(to, "%c%s", '\0', s->variable[i] == NULL ? "" : s->variable[i]);
	if (is_relative)
		fprintf(to, "%c%s", '\0', s->cwd);
	if (fclose(to) != 0) {
		free(key);
		return NULL;
	}
	return key;
}

const struct view *views_of(struct views *v, pid_t pid)
{
	struct self self;
	struct kind *k = NULL;
	size_t len = 0;
	char *key;

	if (read_self(pid, &self) != 0)
		return NULL;
	key = make_key(&self, &len);
	for (k = v->first; key != NULL && k != NULL; k = k->next)
		if (k->key_len == len && memcmp(k->key, key, len) == 0)
			goto out;
	k = key != NULL && v->count < KINDS_MAX ? calloc(1, sizeof(*k)) : NULL;
	if (k == NULL)
		goto out;
	k->key = key;
	k->key_len = len;
	key = NULL;
	k->view.is_elsewhere = is_elsewhere(&self);
	list_sources(&self, &k->view);
	ask(&self, &k->view);
	k->next = v->first;
	v->first = k;
	v->count++;
out:
	free(key);
	free(self.text);
	return k == NULL ? NULL : &k->view;
}
