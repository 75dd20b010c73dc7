/* SPDX-License-Identifier: Apache-2.0 */
#include "system/conf.h"

#include "anchors/settings.h"
#include "base/show.h"

#include <stdlib.h>

static void export(void *arg, enum setting setting, const char *value)
{
	bool *given = arg;

	if (!given[setting])
		(void)setenv(settings_name(setting), value, 1);
}

static void ignore_exclude(void *arg, const char *path)
{
	(void)arg;
	(void)path;
}

static void ignore_problem(void *arg, size_t line, const char *reason)
{
	(void)arg;
	(void)line;
	(void)reason;
}

void conf_export(void)
{
	bool given[SETTINGS];
	const struct settings_sink sink = {export, ignore_exclude, ignore_problem, given};

	for (int i = 0; i < SETTINGS; i++) {
		const char *value = getenv(settings_name((enum setting)i));

		/* An empty variable counts as unset. */
		given[i] = value != NULL && value[0] != '\0';
	}
	(void)settings_read(SETTINGS_PATH, false, &sink);
}

struct showing {
	FILE *to;
	bool ok;
};

static void show_setting(void *arg, enum setting setting, const char *value)
{
	struct showing *s = arg;

	fprintf(s->to, "settings   %s=%s\n", settings_name(setting), value);
}

static void show_exclude(void *arg, const char *path)
{
	struct showing *s = arg;
	char shown[SHOW_MAX];

	fprintf(s->to, "excluded   %s\n", show_text(path, shown));
}

static void show_problem(void *arg, size_t line, const char *reason)
{
	struct showing *s = arg;

	s->ok = false;
	if (line > 0)
		fprintf(s->to, "settings   BROKEN: " SETTINGS_PATH ": line %zu: %s\n", line,
			reason);
	else
		fprintf(s->to, "settings   BROKEN: " SETTINGS_PATH ": %s\n", reason);
}

bool conf_show(FILE *to)
{
	struct showing s = {to, true};
	const struct settings_sink sink = {show_setting, show_exclude, show_problem, &s};

	if (!settings_read(SETTINGS_PATH, true, &sink))
		show_problem(&s, 0, "it can't be read at the moment");
	return s.ok;
}
