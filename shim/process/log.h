/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LOG_H
#define CATRUST_LOG_H

#include "process/config.h"

#include <stdbool.h>

static inline bool log_wants(enum log_level level)
{
	return config_log_level() >= level;
}

/*
 * Logs one line, "catrust: " and the given strings, or a JSON object with them, to CATRUST_LOG_FILE
 * or stderr, in one write. The strings may come from anywhere, because they are escaped. Does not
 * change errno or the program's signals, and drops the line rather than wait.
 */
#define log_line(level, ...) log_parts((level), (const char *const[]){__VA_ARGS__, NULL})
void log_parts(enum log_level level, const char *const parts[]);

#endif
