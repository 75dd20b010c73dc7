/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CONFIGURED_H
#define CATRUST_CONFIGURED_H

#include <stdbool.h>

/* Does a program's own configuration name a file of CAs? A variable would override it. For git,
 * also one for a single server; for cargo, also one in a folder above; for aws, in any profile. */
bool configured_git(void);
bool configured_cargo(void);
bool configured_aws(void);

/* Does the line set the key, in TOML or an INI file? Exported for the tests. */
bool configured_line(const char *line, const char *key);

#endif
