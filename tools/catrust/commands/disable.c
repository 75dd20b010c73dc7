/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "cli/command.h"
#include "system/machine.h"
#include "system/preload.h"
#include "system/undo.h"

#include <stdio.h>

/* An entry that is still there was not written by enable. */
static enum status look(void)
{
	char there[PATH_MAX], shown[SHOW_MAX];
	struct reason why = {""};
	int found = preload_look(NULL, there, &why);

	if (found == 0)
		return STATUS_DONE;
	if (found < 0)
		show_error("%s", why.text);
	else
		show_error(PRELOAD_PATH
			   " names %s, which catrust enable did not write: remove it by hand",
			   show_text(there, shown));
	return STATUS_NO;
}

static enum status run(const struct options *options)
{
	struct reason why = {""};
	struct record record;
	enum status status;
	bool was_on;

	(void)options;
	if (machine_open("disable", &record, &why) != 0) {
		show_error("%s", why.text);
		return STATUS_NO;
	}
	was_on = record.count > 0;
	if (undo_from(&record, 0, &why) != 0) {
		show_error("%s", why.text);
		status = STATUS_NO;
	} else {
		status = look();
		if (status == STATUS_DONE)
			puts(was_on ? "disabled: everything that catrust enable wrote is removed"
				    : "it was not enabled: nothing was changed");
	}
	record_clear(&record);
	return status;
}

/* clang-format off */
static const char help[] =
	"Undoes catrust enable --system, byte for byte: the entry in /etc/ld.so.preload, the variables\n"
	"and their bundles. Programs that are already running keep the library until they end.\n"
	"\n"
	"options:\n"
	"  --system  accepted, but not needed\n"
	"  --help\n";
/* clang-format on */

const struct command disable_command = {
	.name = "disable",
	.arguments = "[--system]",
	.summary = "undoes enable",
	.help = help,
	.changes_files = true,
	.options = OPTION_SYSTEM,
	.least_args = 0,
	.most_args = 0,
	.run = run,
};
