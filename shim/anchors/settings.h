/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SETTINGS_H
#define CATRUST_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The settings of the machine, in a file that belongs to root. They count for variables that are
 * not set, and in privileged processes. Lines are NAME=VALUE or exclude=PATH, comments begin with
 * '#', and lines may be empty.
 */
#define SETTINGS_PATH "/etc/catrust/catrust.conf"

enum setting {
	SETTING_DISABLE,
	SETTING_LOG,
	SETTING_CONTEXTS,
	SETTING_STRICT,
	SETTING_FILES,
	SETTING_SHARE,
	SETTINGS,
};

enum { SETTINGS_MAX_FILE = 8192 };

/* Called for each line. The strings are valid until it returns. */
struct settings_sink {
	void (*set)(void *arg, enum setting setting, const char *value);
	void (*exclude)(void *arg, const char *path);
	/* The number of the line, or 0 for the whole file, which is then ignored. */
	void (*problem)(void *arg, size_t line, const char *reason);
	void *arg;
};

/* As a variable: "CATRUST_STRICT". */
const char *settings_name(enum setting setting);

/*
 * Reads path. privileged: it must belong to root; otherwise it may also belong to the user. Returns
 * false if the file can't be read at the moment; nothing was called then.
 */
bool settings_read(const char *path, bool privileged, const struct settings_sink *sink);

/*
 * Does exclude=path name the program of this process? A path means the file that it leads to; a
 * path that ends in a slash means all files below.
 */
bool settings_is_self(const char *path);

#endif
