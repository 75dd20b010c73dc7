/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include "base/show.h"
#include "certs/readcerts.h"
#include "program/linked.h"
#include "program/runner.h"
#include "program/script.h"
#include "stacks/stacks_report.h"
#include "stacks/stackwatch.h"
#include "store/trusted.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Files that variables named, and whether they have all anchors. Each is read once. */
enum { BUNDLES_MAX = 32 };

struct anchors_check {
	struct trusted trusted;
	struct {
		char *path;
		bool is_good;
	} bundle[BUNDLES_MAX];
	size_t count;
};

static bool has(const struct readcerts *file, const X509 *cert)
{
	for (int i = 0; i < sk_X509_num(file->certs); i++)
		if (X509_cmp(sk_X509_value(file->certs, i), cert) == 0)
			return true;
	return false;
}

/* Only anchors that may vouch for every name, because a file can't express a scope. */
static bool has_all(const struct readcerts *file, const struct trusted *t)
{
	bool any = false;

	for (size_t i = 0; i < t->anchors->count; i++) {
		if (t->cert[i] == NULL || t->anchors->anchor[i].scopes != NULL)
			continue;
		if (!has(file, t->cert[i]))
			return false;
		any = true;
	}
	return any;
}

static bool check_bundle(void *arg, enum tls_variable variable, const char *path)
{
	struct anchors_check *check = arg;
	struct readcerts file;
	struct reason why = {""};
	bool is_good = false;

	(void)variable;
	for (size_t i = 0; i < check->count; i++)
		if (strcmp(check->bundle[i].path, path) == 0)
			return check->bundle[i].is_good;
	if (path[0] == '/' && readcerts_file(path, &file, &why) == 0) {
		is_good = has_all(&file, &check->trusted);
		readcerts_clear(&file);
	}
	if (check->count < BUNDLES_MAX) {
		check->bundle[check->count].path = strdup(path);
		check->bundle[check->count].is_good = is_good;
		check->count += check->bundle[check->count].path != NULL;
	}
	return is_good;
}

static void clear_check(struct anchors_check *check)
{
	for (size_t i = 0; i < check->count; i++)
		free(check->bundle[i].path);
	if (check->trusted.anchors != NULL)
		trusted_clear(&check->trusted);
}

/* catrust-run [-d DIR] -- COMMAND ARG... */
static char **make_argv(char *runner, const struct options *options)
{
	static char dir_option[] = "-d", dashes[] = "--";
	char **argv = calloc((size_t)options->arg_count + 5, sizeof(*argv));
	size_t count = 0;

	if (argv == NULL)
		return NULL;
	argv[count++] = runner;
	if (options->dir != NULL) {
		argv[count++] = dir_option;
		argv[count++] = (char *)(uintptr_t)options->dir;
	}
	argv[count++] = dashes;
	for (int i = 0; i < options->arg_count; i++)
		argv[count++] = options->args[i];
	return argv;
}

static enum status report(const struct options *options, const struct stackwatch *watch,
			  const struct stacks_run *run)
{
	struct stacks_report *r = stacks_report_new(watch->tree);
	enum status status;

	if (r == NULL) {
		show_error("out of memory");
		return STATUS_NO;
	}
	status = stacks_report_is_good(r, run) ? STATUS_DONE : STATUS_NO;
	if (options->json)
		stacks_report_json(r, run, (int)status, stdout);
	else
		stacks_report_text(r, run, stdout);
	stacks_report_free(r);
	return status;
}

static void tell(const struct stackwatch *watch, const struct stacks_run *run)
{
	if (watch->is_polled)
		show_line(SHOW_WARNING, "tracing is not allowed here: programs that ran for less "
					"than about 20 ms may be missing");
	if (!stacktree_is_whole(watch->tree))
		show_line(SHOW_WARNING, "there were too many programs, or too little memory: some "
					"are missing");
	if (run->anchors == 0)
		show_line(SHOW_WARNING, "the trust directories are empty, so programs get no CA "
					"from them; see catrust fetch");
}

/* If a library of the program is missing, the status is the same as for a missing program. */
static void look_for_missing(const struct options *options, struct stacks_run *run,
			     struct linked *linked)
{
	enum { NOT_STARTED = 127 };
	const char *search = getenv("PATH");
	char path[PATH_MAX];

	if (!WIFEXITED(run->status) || WEXITSTATUS(run->status) != NOT_STARTED ||
	    !script_find(options->args[0], search == NULL ? "/usr/bin:/bin" : search, path))
		return;
	if (linked_read(path, "", linked) != 0 && linked->missing[0] != '\0')
		run->missing = linked->missing;
}

static enum status watch_it(const struct options *options, char *runner,
			    struct anchors_check *check)
{
	struct stackwatch watch = {
		.tree = stacktree_new(check_bundle, check),
		.argv = make_argv(runner, options),
		.out_to_err = options->json,
		.never_traces = getenv("CATRUST_NO_PTRACE") != NULL,
	};
	struct stacks_run run = {.command = options->args,
				 .anchors = check->trusted.anchors->count};
	struct linked linked = {.count = 0};
	enum status status = STATUS_NO;
	struct reason why = {""};

	if (watch.tree == NULL || watch.argv == NULL)
		show_error("out of memory");
	else if (stackwatch_run(&watch, &why) != 0)
		show_error("%s", why.text);
	else if (!watch.started)
		/* catrust-run has already printed why. */
		status = WIFEXITED(watch.status) ? (enum status)WEXITSTATUS(watch.status)
						 : STATUS_CANT_RUN;
	else {
		run.status = watch.status;
		run.is_polled = watch.is_polled;
		look_for_missing(options, &run, &linked);
		tell(&watch, &run);
		status = report(options, &watch, &run);
	}
	linked_clear(&linked);
	stacktree_free(watch.tree);
	free(watch.argv);
	return status;
}

static enum status run(const struct options *options)
{
	struct trustdir_sources sources = trusted_sources(options->dir);
	struct anchors_check check = {.count = 0};
	enum status status = STATUS_CANT_RUN;
	char runner[PATH_MAX];
	struct reason why = {""};

	if (trusted_read(&sources, &check.trusted) != 0)
		show_error("out of memory");
	else if (runner_find(runner, "would run the command", &why) != 0)
		show_error("%s", why.text);
	else
		status = watch_it(options, runner, &check);
	clear_check(&check);
	return status;
}

/* clang-format off */
static const char help[] =
	"Runs COMMAND as catrust-run does. Then says which TLS libraries COMMAND and its children had\n"
	"loaded, whether and how each was reached, and what to do about the others.\n"
	"\n"
	"options, before the --:\n"
	"  --dir DIR  also trust the CAs in DIR\n"
	"  --json     print JSON; COMMAND's standard output goes to standard error\n";
/* clang-format on */

const struct command stacks_command = {
	.name = "doctor --",
	.arguments = "COMMAND [ARG...]",
	.summary = "says which TLS libraries of a command are reached",
	.help = help,
	.options = OPTION_DIR | OPTION_JSON,
	.least_args = 1,
	.most_args = INT_MAX,
	.run = run,
};
