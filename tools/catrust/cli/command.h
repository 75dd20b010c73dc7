/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_COMMAND_H
#define CATRUST_COMMAND_H

#include "cli/options.h"

/* In order of precedence, for several targets. */
enum status {
	STATUS_DONE = 0,
	STATUS_NO = 1, /* not confirmed, or refused */
	STATUS_USAGE = 2,
	STATUS_CONNECT = 3,
	STATUS_NO_HELP = 4, /* of doctor: adding a CA would not help */

	/* Of doctor's commands, as of catrust-run; also 126 and 127. */
	STATUS_CANT_RUN = 125,
};

struct command {
	const char *name;
	const char *arguments; /* in the usage line */
	const char *summary;
	const char *help;
	const char *example; /* shown when there are no arguments, or NULL */
	/*
	 * Its work is to change files: if nobody can read the line about it, that is not a failure.
	 */
	bool changes_files;
	unsigned options; /* of enum options_allowed */
	int least_args, most_args;
	enum status (*run)(const struct options *options);
};

extern const struct command add_command;
extern const struct command bundle_command;
extern const struct command copy_command;
extern const struct command doctor_command;
extern const struct command check_command;
extern const struct command disable_command;
extern const struct command enable_command;
extern const struct command env_command;
extern const struct command fetch_command;
extern const struct command list_command;
extern const struct command mount_command;
extern const struct command ps_command;
extern const struct command refresh_command;
extern const struct command remove_command;
extern const struct command status_command;
extern const struct command stacks_command; /* doctor -- COMMAND */

#endif
