/* SPDX-License-Identifier: Apache-2.0 */
#include "base/interrupts.h"
#include "base/show.h"
#include "cli/command.h"
#include "store/problems.h"
#include "store/trusted.h"
#include "system/library.h"
#include "system/machine.h"
#include "system/preload.h"
#include "system/trial.h"
#include "system/undo.h"
#include "system/variables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One run of the command. */
struct run {
	struct record record;
	struct linkers linkers;
	struct preload_plan plan;
	bool changed;
};

/* Undoes what this run has done, and adds to *why if even that fails. */
static void take_back(struct run *r, size_t first, struct reason *why)
{
	struct reason more = {""};
	struct reason both = {""};

	if (undo_from(&r->record, first, &more) == 0)
		return;
	reason_set(&both, "%s. And %s", why->text, more.text);
	*why = both;
}

/* The entry that enable wrote before, if it is different now. */
static int drop_old(struct run *r, struct reason *why)
{
	bool any = false;

	for (size_t i = r->record.count; i-- > 0;) {
		if (r->record.item[i].kind != RECORD_PRELOAD ||
		    strcmp(r->record.item[i].path, r->plan.entry) == 0)
			continue;
		if (preload_remove(r->record.item[i].path, why) != 0)
			return -1;
		record_remove(&r->record, i);
		any = true;
	}
	return any ? record_write(&r->record, why) : 0;
}

/* Tries the library before the entry is written, and again afterwards. */
static int switch_on(struct run *r, const struct trial *trial, struct reason *why)
{
	const char *entry = r->plan.entry;
	size_t first = r->record.count;
	sigset_t before;
	int error = -1;

	/* Interrupts are blocked until the end, so that no untested entry is left behind. */
	interrupts_hold(&before);
	if (preload_prepare(&r->plan, &r->record, why) == 0 &&
	    preload_check(&r->plan, &r->linkers, why) == 0 && trial_again(trial, entry, why) == 0 &&
	    preload_add(entry, &r->record, why) == 0 && trial_again(trial, NULL, why) == 0)
		error = 0;
	else
		take_back(r, first, why);
	/* The old one is removed only now, so that one of the two counts at any time. */
	if (error == 0)
		error = drop_old(r, why);
	r->changed = r->changed || error == 0;
	return error;
}

/*
 * The entry is already there. The files that it leads to must exist for programs of every kind. If
 * a new kind of program was installed, each of them complains at its start about a missing file.
 */
static int repair(struct run *r, struct reason *why)
{
	size_t first = r->record.count;

	if (r->plan.count == 0)
		return 0;
	if (preload_prepare(&r->plan, &r->record, why) == 0 &&
	    preload_check(&r->plan, &r->linkers, why) == 0) {
		r->changed = true;
		return 0;
	}
	take_back(r, first, why);
	return -1;
}

static int enable_preload(struct run *r, struct reason *why)
{
	const char *recorded = record_find(&r->record, RECORD_PRELOAD);
	char there[PATH_MAX], shown[SHOW_MAX];
	int found = preload_look(r->plan.entry, there, why), error;
	struct trial *trial;

	if (found < 0)
		return -1;
	if (found && strcmp(there, r->plan.entry) == 0)
		return repair(r, why);
	if (found && (recorded == NULL || strcmp(recorded, there) != 0)) {
		reason_set(why,
			   PRELOAD_PATH
			   " names %s, which catrust enable did not write: remove it first",
			   show_text(there, shown));
		return -1;
	}
	trial = trial_new(&r->linkers);
	if (trial == NULL) {
		reason_set(why, "out of memory");
		return -1;
	}
	error = switch_on(r, trial, why);
	trial_free(trial);
	return error;
}

static int enable_variables(struct run *r, struct reason *why)
{
	size_t first = r->record.count;
	struct trusted trusted;
	int error = -1;

	if (record_find(&r->record, RECORD_VARIABLES) != NULL)
		return 0;
	if (machine_trusted(&trusted, why) != 0)
		return -1;
	(void)problems_show(&trusted);
	if (record_add(&r->record, RECORD_VARIABLES, "") != 0)
		reason_set(why, "out of memory");
	else if (variables_make_bundles(&trusted, true, why) == 0 &&
		 library_check_path(VARIABLES_BUNDLE, why) == 0)
		error = variables_add(&r->record, why);
	trusted_clear(&trusted);
	if (error != 0)
		take_back(r, first, why);
	r->changed = r->changed || error == 0;
	return error;
}

static int enable(const struct options *options, struct run *r, struct reason *why)
{
	char library[PATH_MAX];
	size_t before;

	if (library_find(library, why) != 0 || library_check(library, why) != 0)
		return -1;
	linkers_find(&r->linkers);
	if (preload_plan(library, &r->linkers, &r->plan, why) != 0)
		return -1;
	before = r->record.count;
	/* Check first what is refused more often. */
	if (options->env && enable_variables(r, why) != 0)
		return -1;
	if (enable_preload(r, why) == 0)
		return 0;
	take_back(r, before, why);
	return -1;
}

static void tell(const struct options *options, const struct run *r)
{
	struct trusted trusted;
	struct reason ignored = {""};
	char shown[SHOW_MAX];

	if (!r->changed) {
		puts("enabled already: nothing was changed");
		return;
	}
	printf("enabled: each program that is started from now on has the library (" PRELOAD_PATH
	       ": %s)\n",
	       show_text(r->plan.entry, shown));
	if (options->env)
		puts("the variables are set from the next login on; for services after systemctl "
		     "daemon-reexec");
	if (machine_trusted(&trusted, &ignored) != 0)
		return;
	if (trusted.anchors->count == 0)
		show_error(MACHINE_TRUST " holds no CA yet: catrust fetch or add");
	trusted_clear(&trusted);
}

static enum status run(const struct options *options)
{
	struct run *r = calloc(1, sizeof(*r));
	enum status status = STATUS_NO;
	struct reason why = {""};

	if (!options->system) {
		show_error("enable needs --system, and is then for every program of this machine "
			   "or container. For one program, use catrust-run; for a Python virtual "
			   "environment, python -m catrust enable");
		free(r);
		return STATUS_USAGE;
	}
	if (r == NULL)
		show_error("out of memory");
	else if (machine_open(options->env ? "enable --system --env" : "enable --system",
			      &r->record, &why) != 0)
		show_error("%s", why.text);
	else if (enable(options, r, &why) != 0)
		show_error("nothing was changed: %s", why.text);
	else
		status = STATUS_DONE;
	if (status == STATUS_DONE)
		tell(options, r);
	if (r != NULL)
		record_clear(&r->record);
	free(r);
	return status;
}

/* clang-format off */
static const char help[] =
	"Makes the dynamic linker load the library into every program of this machine or container,\n"
	"through /etc/ld.so.preload. Tries some programs with the library before and after; if one of\n"
	"them behaves differently, nothing stays changed. Programs then trust the CAs in\n"
	"/etc/catrust/ca.d. catrust disable undoes all of it, byte for byte.\n"
	"\n"
	"options:\n"
	"  --system  required: it confirms that you mean every program, including sudo and sshd\n"
	"  --env     also write bundles of the CAs to /var/lib/catrust, and set the variables that\n"
	"            name them for Go, Rust, Java, node and others, in the files that login shells,\n"
	"            PAM and systemd read. Variables that these files already set are kept\n"
	"  --help\n"
	"\n"
	"exit status: 0 enabled; 1 not enabled, and nothing was changed.\n";
/* clang-format on */

const struct command enable_command = {
	.name = "enable",
	.arguments = "--system [--env]",
	.summary = "makes every program of the machine or container trust the CAs",
	.help = help,
	.changes_files = true,
	.options = OPTION_SYSTEM | OPTION_ENV,
	.least_args = 0,
	.most_args = 0,
	.run = run,
};
