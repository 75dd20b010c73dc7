/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SETTINGS_H
#define CATRUST_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The settings of the machine: root's file, which counts for variables that are not set, and in
 * privileged processes. Lines of NAME=VALUE, exclude=PATH, comments behind '#', and empty ones.
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

/* What is called for each line. Strings live until it returns. */
struct settings_sink {
	void (*set)(void *arg, enum setting setting, const char *value);
	void (*exclude)(void *arg, const char *path);
	/* The line's number, or 0: the whole file, which then counts for nothing. */
	void (*problem)(void *arg, size_t line, const char *reason);
	void *arg;
};

/* As a variable: "CATRUST_STRICT". */
const char *settings_name(enum setting setting);

/*
 * Reads path. privileged: it must be root's; else the user's own does as well. Returns false where
 * it could not be read for the time being, and nothing was called then.
 */
bool settings_read(const char *path, bool privileged, const struct settings_sink *sink);

/*
 * Does exclude=path stand for the program of this process? A path stands for the file that it leads
 * to; one that ends in a slash, for all files below.
 */
bool settings_is_self(const char *path);

#endif
