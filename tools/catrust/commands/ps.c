/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "cli/command.h"
#include "ps/ps_report.h"

#include <errno.h>
#include <string.h>

static enum status run(const struct options *options)
{
	struct running running;
	enum status status = STATUS_DONE;
	int error = running_read(&running);

	if (error != 0) {
		show_error("/proc: %s", strerror(-error));
		status = STATUS_NO;
	} else if (options->json) {
		ps_report_json(&running, stdout);
	} else {
		ps_report_text(&running, stdout);
	}
	if (error == 0 && !stacktree_is_whole(running.tree))
		show_line(SHOW_WARNING,
			  "there were too many processes, or too little memory: some are missing");
	running_clear(&running);
	return status;
}

/* clang-format off */
static const char help[] =
	"Shows the running processes that have libcatrust.so loaded: since when, which version, which\n"
	"trust directories they read, how many certificates these hold now, and which of their TLS\n"
	"libraries are reached. Then shows the processes that have TLS loaded without libcatrust.so.\n"
	"Root sees all processes, other users see their own.\n"
	"\n"
	"options:\n"
	"  --json  print JSON; see catrust(1)\n"
	"  --help\n";
/* clang-format on */

const struct command ps_command = {
	.name = "ps",
	.arguments = "[--json]",
	.summary = "shows which running processes have the library",
	.help = help,
	.options = OPTION_JSON,
	.least_args = 0,
	.most_args = 0,
	.run = run,
};
