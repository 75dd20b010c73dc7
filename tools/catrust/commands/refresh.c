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
	if (machine_open(&record, &why) == 0) {
		record_clear(&record);
		done = machine_refresh(&why);
	}
	if (done < 0) {
		show_error("%s", why.text);
		return STATUS_NO;
	}
	puts(done ? VARIABLES_BUNDLE " and those beside it hold what is trusted now"
		  : "catrust enable --system --env was not called: there is no bundle to make");
	return STATUS_DONE;
}

/* clang-format off */
static const char help[] =
	"Makes the bundles of catrust enable --system --env anew, after a change of the system's own\n"
	"bundle or of /etc/catrust/ca.d. The Debian package does so by itself; so do catrust add,\n"
	"fetch and remove. Without --env there is nothing to do, and the exit status is 0.\n"
	"\n"
	"options:\n"
	"  --help\n";
/* clang-format on */

const struct command refresh_command = {
	.name = "refresh",
	.arguments = "",
	.summary = "makes the bundles of enable --env anew",
	.help = help,
	.changes_files = true,
	.options = 0,
	.least_args = 0,
	.most_args = 0,
	.run = run,
};
