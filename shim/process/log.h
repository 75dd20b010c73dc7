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
 * One line, "catrust: " and the strings given, or a JSON object with them, to CATRUST_LOG_FILE or
 * stderr in one write. The strings may come from anywhere: they are escaped. Leaves errno and the
 * program's signals alone, and rather drops the line than wait.
 */
#define log_line(level, ...) log_parts((level), (const char *const[]){__VA_ARGS__, NULL})
void log_parts(enum log_level level, const char *const parts[]);

#endif
