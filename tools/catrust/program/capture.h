/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CAPTURE_H
#define CATRUST_CAPTURE_H

#include <sys/types.h>

/*
 * Runs a program, searched in PATH, and calls line for each line of its output (up to a limit),
 * including the newline. setting: "NAME=VALUE", replaces NAME in its environment; or NULL. Ignores
 * its standard error. Returns its exit status, or -1.
 */
int capture_run(char *const argv[], char *setting, void (*line)(void *arg, char *text), void *arg);

#endif
