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

/* What the values other than the defaults mean, as bits. SET_LOG is the first of four, as enum
 * log_level has them. */
enum {
	SET_OFF = 1 << 0,	  /* CATRUST_DISABLE=1 */
	SET_PUBLIC_ONLY = 1 << 1, /* CATRUST_CONTEXTS=public */
	SET_RELAX = 1 << 2,	  /* CATRUST_STRICT=relax */
	SET_NO_FILES = 1 << 3,	  /* CATRUST_FILES=off */
	SET_NO_SHARE = 1 << 4,	  /* CATRUST_SHARE=off */
	SET_EAGER = 1 << 5,	  /* CATRUST_SHARE=eager */
	SET_LOG = 1 << 6,
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

/* Sets the bits of the value, and clears those of the setting's other values. Returns false if
 * there is no such value; no bit is set then. */
bool settings_apply(enum setting setting, const char *value, unsigned *bits);

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
