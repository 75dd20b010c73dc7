/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "cli/command.h"
#include "system/machine.h"
#include "system/variables.h"

#include <stdio.h>

static enum status run(const struct options *options)
{
	struct reason why = {""};
	struct record record;
	int done = -1;

	(void)options;
	if (machine_open("refresh", &record, &why) == 0) {
		record_clear(&record);
		done = machine_refresh(&why);
	}
	if (done < 0) {
		show_error("%s", why.text);
		return STATUS_NO;
	}
	puts(done ? VARIABLES_BUNDLE " and the files beside it hold what is trusted now"
		  : "catrust enable --system --env was not run, so there is no bundle to update");
	return STATUS_DONE;
}

/* clang-format off */
static const char help[] =
	"Writes the bundles of catrust enable --system --env again. Run it after a change of the\n"
	"system's own bundle or of /etc/catrust/ca.d. The Debian package runs it by itself, and so do\n"
	"catrust add, fetch and remove. If enable was run without --env, it does nothing and succeeds.\n"
	"\n"
	"options:\n"
	"  --help\n";
/* clang-format on */

const struct command refresh_command = {
	.name = "refresh",
	.arguments = "",
	.summary = "writes the bundles of enable --env again",
	.help = help,
	.changes_files = true,
	.options = 0,
	.least_args = 0,
	.most_args = 0,
	.run = run,
};
