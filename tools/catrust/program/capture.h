/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CAPTURE_H
#define CATRUST_CAPTURE_H

#include <sys/types.h>

/*
 * Runs a program, looked for in PATH, and calls line for each line that it prints (a bounded number
 * of bytes), with its new line. setting: "NAME=VALUE", in place of NAME in its environment, or
 * NULL. What it has to say on standard error is no matter. Returns its exit status, or -1.
 */
int capture_run(char *const argv[], char *setting, void (*line)(void *arg, char *text), void *arg);

#endif
