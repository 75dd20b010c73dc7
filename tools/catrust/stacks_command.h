/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_STACKS_COMMAND_H
#define CATRUST_STACKS_COMMAND_H

#include "command.h"

/* catrust doctor -- COMMAND [ARG...]: options->args is the command. */
enum status stacks_command(const struct options *options);

#endif
