/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CONF_H
#define CATRUST_CONF_H

#include <stdbool.h>
#include <stdio.h>

/* Root's settings of the machine; see anchors/settings.h. */

/*
 * Has variables that are not set say what the file says, so that this program and what it becomes
 * judge as the library does.
 */
void conf_export(void);

/* One line for each setting and for each problem. Returns whether there was no problem. */
bool conf_show(FILE *to);

#endif
