/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CONF_H
#define CATRUST_CONF_H

#include <stdbool.h>
#include <stdio.h>

/* Root's settings for the machine; see anchors/settings.h. */

/* Sets unset variables from the file, so that this program and those that it becomes decide like
 * the library. */
void conf_export(void);

/* Prints one line for each setting and each problem. Returns whether there was no problem. */
bool conf_show(FILE *to);

#endif
