/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "cli/command.h"
#include "env/javaopts.h"
#include "program/linked.h"
#include "program/script.h"
#include "stacks/stacks.h"
#include "stacks/ways.h"
#include "store/merge.h"
#include "store/trusted.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* How many scripts may be run by scripts; the kernel has a similar limit. */
enum { SCRIPTS_MAX = 5, HEAD = 512 };

struct check {
	struct stacks_program program;
	struct stacks_use use[1 + LINKED_MAX];
	struct tls_file *file; /* for each of use */
	struct linked linked;
	bool asked;		   /* the dynamic linker, and it answered */
	const char *java_variable; /* that names the JVM's trust store, or NULL */
	size_t unreached;
	unsigned ways; /* that its stacks need: bits of enum ways */
};

static int read_file(const char *path, struct tls_file *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int result = fd < 0 ? -1 : tlsfile_read_fd(fd, path, ret);

	if (fd >= 0)
		close(fd);
	return result;
}

/* Will the kernel set AT_SECURE, so that the dynamic linker ignores LD_PRELOAD? */
static bool is_secure(const char *path)
{
	struct statvfs fs;
	struct stat st;

	if (stat(path, &st) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
	    (statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOSUID) != 0))
		return false;
	if ((st.st_mode & S_ISUID) != 0 && st.st_uid != getuid())
		return true;
	if ((st.st_mode & S_ISGID) != 0 && (st.st_mode & S_IXGRP) != 0 && st.st_gid != getgid())
		return true;
	return getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0;
}

/* Do the JVM's options name a trust store that has all anchors? */
static void look_at_java(struct check *c, const struct trusted *trusted)
{
	char store[PATH_MAX], password[PATH_MAX];
	struct reason ignored = {""};
	const char *secret;

	c->java_variable = javaopts_effective(JAVAOPTS_STORE, store);
	secret = javaopts_effective(JAVAOPTS_PASSWORD, password) == NULL ? NULL : password;
	c->program.java_store = c->java_variable != NULL &&
				merge_verify_store(store, secret, trusted, &ignored) == 0;
}

/* Which variables this environment sets, and whether all anchors are in their files. */
static void look_at_variables(struct check *c)
{
	struct trustdir_sources sources = trusted_sources(NULL);
	const char *off = getenv("CATRUST_DISABLE"), *files = getenv("CATRUST_FILES");
	struct stacks_program *program = &c->program;
	struct reason ignored = {""};
	struct trusted trusted;

	program->is_disabled = off != NULL && off[0] != '\0' && strcmp(off, "0") != 0;
	program->files_off = files != NULL && strcmp(files, "off") == 0;
	if (trusted_read(&sources, &trusted) != 0)
		return;
	look_at_java(c, &trusted);
	for (int i = 0; i < TLS_VARIABLES; i++) {
		const char *value = getenv(tls_variable_name[i]);

		if (value == NULL || value[0] == '\0')
			continue;
		program->set |= 1U << i;
		if (merge_verify(value, &trusted, &ignored) == 0)
			program->good |= 1U << i;
	}
	trusted_clear(&trusted);
}

static void add_use(struct check *c, const char *path, bool is_main)
{
	struct tls_file *file = &c->file[c->program.use_count];
	const char *slash = strrchr(path, '/');

	if (read_file(path, file) != 0)
		return;
	/* This is the launcher, which loads the JVM itself. */
	if (slash != NULL && strcmp(slash, "/libjli.so") == 0 && file->count == 0)
		file->stack[file->count++] = (struct tls_stack){.kind = TLS_JAVA};
	c->use[c->program.use_count++] =
		(struct stacks_use){.file = file, .path = path, .is_main = is_main};
}

/*
 * The program itself, the libraries that are loaded with it, and catrust's library, if it is
 * loaded.
 */
static void gather(struct check *c, const char *path, const char *library)
{
	struct tls_file of_library;
	enum stacks_reason lost;

	add_use(c, path, true);
	if (c->program.use_count == 0)
		return;
	if (read_file(library, &of_library) == 0)
		c->program.machine = of_library.elf.machine;
	c->program.is_secure = is_secure(path);
	c->program.is_named = true;
	lost = stacks_lost(&c->program);
	if ((lost != REASON_NONE && lost != REASON_NOT_LOADED) ||
	    linked_read(path, library, &c->linked) != 0)
		return;
	c->asked = true;
	for (size_t i = 0; i < c->linked.count; i++) {
		if (strcmp(c->linked.path[i], library) == 0)
			c->program.is_preloaded = true;
		add_use(c, c->linked.path[i], false);
	}
}

static void show_stack(const struct check *c, const struct stacks_use *use,
		       const struct stacks_verdict *v)
{
	static const char *const how[] = {
		[LAYER_NONE] = "not reached",
		[LAYER_HOOKS] = "in reach, by its functions",
		[LAYER_FILES] = "in reach if it reads a bundle of CAs from a file",
		[LAYER_ENVIRONMENT] = "in reach if it reads the file of",
	};
	char shown[SHOW_MAX], advice[STACKS_ADVICE];

	printf("    %s%s%s in %s: %s", stacks_kind_text(v->stack.kind),
	       v->stack.version[0] == '\0' ? "" : " ", v->stack.version,
	       show_text(use->path, shown), how[v->layer]);
	if (v->layer == LAYER_ENVIRONMENT)
		printf(" %s", v->variable >= 0 ? tls_variable_name[v->variable] : c->java_variable);
	if (v->is_aside)
		printf(", but the program is not known to use it for TLS");
	else if (v->layer == LAYER_NONE)
		printf(": %s. To do: %s", stacks_reason_text(v->reason), stacks_advice(v, advice));
	printf("\n");
}

static void show_stacks(struct check *c, size_t *ret_seen)
{
	*ret_seen = 0;
	for (size_t u = 0; u < c->program.use_count; u++)
		for (size_t i = 0; i < c->use[u].file->count; i++) {
			struct stacks_verdict v = stacks_judge(&c->program, u, i);

			show_stack(c, &c->use[u], &v);
			*ret_seen += !v.is_aside;
			c->unreached += v.layer == LAYER_NONE && !v.is_aside;
			c->ways |= v.is_aside ? 0U : (unsigned)ways_of(&v);
		}
}

/* Of the ways to reach all of it. */
static void show_way(const char *command)
{
	if (command != NULL)
		printf("    the simplest way that is known: %s\n", command);
	else
		printf("    no way is known to reach all of it\n");
}

/* Of an ELF file. */
static enum status check_program(const char *path, const char *library)
{
	char shown[SHOW_MAX], missing[SHOW_MAX], real[PATH_MAX];
	struct check *c = calloc(1, sizeof(*c));
	enum status status = STATUS_NO;
	enum stacks_reason lost;
	size_t seen;

	if (c != NULL)
		c->file = calloc(1 + LINKED_MAX, sizeof(*c->file));
	if (c == NULL || c->file == NULL) {
		show_error("out of memory");
		free(c);
		return STATUS_NO;
	}
	c->program.use = c->use;
	look_at_variables(c);
	/* The path as in /proc/self/exe, because libraries may be looked for beside the program. */
	gather(c, realpath(path, real) == NULL ? path : real, library);
	show_text(path, shown);
	lost = stacks_lost(&c->program);
	if (c->program.use_count == 0) {
		printf("%s: not reached: it is not a program for this machine\n", shown);
		goto out;
	}
	if (c->linked.missing[0] != '\0') {
		printf("%s: not reached: it can't be started: it needs %s, which is not there\n",
		       shown, show_text(c->linked.missing, missing));
		goto out;
	}
	if (lost == REASON_NONE && !c->asked)
		printf("%s: not known: its dynamic linker does not say what it loads\n", shown);
	else if (lost == REASON_NONE)
		printf("%s: the library is loaded into it\n", shown);
	else
		printf("%s: the library is not loaded into it: %s\n", shown,
		       stacks_reason_text(lost));
	show_stacks(c, &seen);
	/* Applies to all TLS that it loads later. */
	if (lost == REASON_SECURE)
		c->ways |= (unsigned)WAY_ENABLE;
	if (c->ways != 0)
		show_way(ways_command(c->ways));
	if (seen == 0 && lost == REASON_NONE && c->asked)
		printf("    it has no TLS of its own; catrust doctor -- COMMAND shows what it "
		       "loads or runs later\n");
	if (c->unreached == 0 && (seen > 0 || (lost == REASON_NONE && c->asked)))
		status = STATUS_DONE;
out:
	linked_clear(&c->linked);
	free(c->file);
	free(c);
	return status;
}

static size_t read_head(const char *path, char head[HEAD])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t len = fd < 0 ? -1 : read(fd, head, HEAD);

	if (fd >= 0)
		close(fd);
	return len < 0 ? 0 : (size_t)len;
}

/*
 * Goes from a script to its interpreter. Returns 0 and changes path to a program, or prints why not
 * and returns -1.
 */
static int follow(char path[PATH_MAX])
{
	const char *search = getenv("PATH");

	for (int depth = 0; depth < SCRIPTS_MAX; depth++) {
		char head[HEAD], name[PATH_MAX] = "", shown[SHOW_MAX], shown_name[SHOW_MAX];
		enum script_kind kind = script_of(head, read_head(path, head), name);

		if (kind == SCRIPT_NONE)
			return 0;
		show_text(path, shown);
		show_text(name, shown_name);
		if (kind == SCRIPT_BROKEN) {
			printf("%s: not reached: its first line names no program\n", shown);
			return -1;
		}
		if (kind == SCRIPT_CLEARED) {
			printf("%s: not reached: its first line takes LD_PRELOAD out of the "
			       "environment (env -i); catrust enable --system reaches it\n",
			       shown);
			return -1;
		}
		if (!script_find(name, search == NULL ? "/usr/bin:/bin" : search, path)) {
			printf("%s: not reached: %s, which its first line names, is not there\n",
			       shown, shown_name);
			return -1;
		}
		printf("%s: a script for %s\n", shown, show_text(path, shown_name));
	}
	printf("not reached: its interpreter is a script, whose interpreter is a script, and so "
	       "on\n");
	return -1;
}

static enum status run(const struct options *options)
{
	const char *library = getenv("CATRUST_LIB"), *search = getenv("PATH");
	char path[PATH_MAX], shown[SHOW_MAX];

	if (library == NULL || library[0] != '/') {
		show_error("check: CATRUST_LIB does not name the library; catrust-run --check "
			   "does that");
		return STATUS_USAGE;
	}
	if (!script_find(options->args[0], search == NULL ? "/usr/bin:/bin" : search, path)) {
		show_error("%s: not found", show_text(options->args[0], shown));
		return STATUS_NO;
	}
	return follow(path) == 0 ? check_program(path, library) : STATUS_NO;
}

/* clang-format off */
static const char help[] =
	"Says whether the library would be loaded into COMMAND and, for each TLS library that comes\n"
	"with it, whether and how it is reached. Does not run COMMAND. catrust-run --check calls this,\n"
	"in the environment that COMMAND would have. Exit status: 0 reached, 1 not reached.\n"
	"\n"
	"options:\n"
	"  --help\n";
/* clang-format on */

const struct command check_command = {
	.name = "check",
	.arguments = "COMMAND [ARGUMENT...]",
	.summary = "says whether and how COMMAND can be reached; see catrust-run --check",
	.help = help,
	.options = 0,
	.least_args = 1,
	.most_args = INT_MAX,
	.run = run,
};
