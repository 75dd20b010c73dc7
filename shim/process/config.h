/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CONFIG_H
#define CATRUST_CONFIG_H

#include "anchors/settings.h"
#include "anchors/trustdir.h"

#include <stdbool.h>

enum log_level { LOG_OFF, LOG_ERROR, LOG_INFO, LOG_DEBUG };

enum { CONFIG_BUNDLES = 10 };

/*
 * The environment at the start of the process: programs may clear it or overwrite it
 * (setproctitle). See libcatrust(7) for the variables. For the settings of settings.h, call the
 * functions below.
 */
struct config {
	bool active;	/* the environment was read, and the library is not switched off */
	unsigned set;	/* bits of settings.h, from the variables */
	unsigned given; /* a bit for each enum setting that a variable sets */
	enum log_level log_level; /* if no variable or line of the file sets it */
	const char *log_file;	  /* NULL: stderr */
	bool log_json;		  /* CATRUST_LOG_FORMAT=json */
	/* The files that variables name, each a path or NULL; the first is SSL_CERT_FILE's. */
	const char *bundle[CONFIG_BUNDLES];
	struct trustdir_sources sources;
};

/* Does not change after the library's constructor has run; before that, nothing is active. */
extern struct config config;

/*
 * The same, with the settings of the file (settings.h) for variables that are not set. The first
 * call of any of these reads the file. While it can't be read, nothing is active.
 */
bool config_active(void);
bool config_is(unsigned bits); /* any of these bits of settings.h */
enum log_level config_log_level(void);

#endif
