/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "cli/command.h"
#include "system/conf.h"
#include "system/library.h"
#include "system/machine.h"
#include "system/preload.h"
#include "system/variables.h"

#include <stdio.h>
#include <string.h>

/*
 * The file that the dynamic linker finds for an entry, in programs of the same kind as this one;
 * "": not known.
 */
static void resolve(const char *entry, const struct linkers *linkers, char path[PATH_MAX])
{
	const char *lib = strstr(entry, "$LIB");

	path[0] = '\0';
	for (size_t i = 0; lib != NULL && i < linkers->count; i++)
		if (linkers_is_for(&linkers->item[i], "/proc/self/exe"))
			snprintf(path, PATH_MAX, "%.*s%s%s", (int)(lib - entry), entry,
				 linkers->item[i].lib, lib + strlen("$LIB"));
	if (lib == NULL)
		snprintf(path, PATH_MAX, "%s", entry);
}

/* Kinds of programs for which the entry has no library: each program says so at its start. */
static bool show_others(const char *entry, const struct linkers *linkers, const char *library)
{
	struct preload_plan plan;
	struct reason why = {""};

	if (preload_plan(library, linkers, &plan, &why) != 0) {
		printf("           BROKEN: %s\n", why.text);
		return false;
	}
	if (plan.count == 0 && (linkers->count == 1 || strstr(entry, "$LIB") != NULL))
		return true;
	puts("           BROKEN: the library does not fit some programs here (32-bit programs): "
	     "each of them says so at its start. To do: catrust enable --system");
	return false;
}

/* What the dynamic linker says about a library that is damaged or missing. */
static bool show_preload(const struct record *record, bool *ret_on)
{
	const char *recorded = record_find(record, RECORD_PRELOAD);
	char entry[PATH_MAX], library[PATH_MAX], path[PATH_MAX], shown[SHOW_MAX];
	struct linkers linkers;
	struct reason why = {""};
	int found = preload_look(recorded, entry, &why);
	bool has_library, ok = true;

	*ret_on = found > 0;
	if (found <= 0) {
		printf("preload    %s%s\n", found == 0 ? "off" : "not known: ", why.text);
		if (recorded != NULL)
			puts("           BROKEN: somebody has removed the entry of catrust enable "
			     "from " PRELOAD_PATH ". To do: catrust disable, or enable again");
		return found == 0 && recorded == NULL;
	}
	printf("preload    on, by " PRELOAD_PATH ": %s\n", show_text(entry, shown));
	if (recorded == NULL)
		puts("           not written by catrust enable: disable leaves it there");
	linkers_find(&linkers);
	has_library = library_find(library, &why) == 0;
	resolve(entry, &linkers, path);
	if (path[0] != '\0' && library_check(path, &why) != 0) {
		printf("           BROKEN: %s\n"
		       "           Programs start without it, and each says so (\"cannot be "
		       "preloaded\"). To do: "
		       "install catrust again, or catrust disable\n",
		       why.text);
		ok = false;
	}
	return ok && has_library && show_others(entry, &linkers, library);
}

static bool show_variables(const struct record *record)
{
	struct trusted trusted;
	struct reason why = {""};
	int current;

	if (record_find(record, RECORD_VARIABLES) == NULL) {
		puts("variables  off");
		return true;
	}
	fputs("variables  on, by", stdout);
	for (size_t i = 0; i < record->count; i++)
		if ((record->item[i].kind == RECORD_FILE || record->item[i].kind == RECORD_BLOCK) &&
		    strncmp(record->item[i].path, "/etc/", 5) == 0 &&
		    strcmp(record->item[i].path, PRELOAD_PATH) != 0)
			printf(" %s", record->item[i].path);
	puts("");
	if (machine_trusted(&trusted, &why) != 0) {
		current = -1;
	} else {
		current = variables_are_current(&trusted, &why);
		trusted_clear(&trusted);
	}
	if (current == 1)
		puts("bundle     " VARIABLES_BUNDLE ": current");
	else if (current == 0)
		puts("bundle     BROKEN: " VARIABLES_BUNDLE
		     " does not hold what is trusted now. To do: "
		     "catrust refresh");
	else
		printf("bundle     BROKEN: %s\n", why.text);
	return current == 1;
}

static void show_trusted(void)
{
	struct trusted trusted;
	struct reason why = {""};

	if (machine_trusted(&trusted, &why) != 0)
		return;
	printf("trusted    " MACHINE_TRUST ": %zu CA%s\n", trusted.anchors->count,
	       trusted.anchors->count == 1 ? "" : "s");
	trusted_clear(&trusted);
}

static enum status run(const struct options *options)
{
	struct record record;
	struct reason why = {""};
	bool ok, on;

	(void)options;
	if (record_read(&record, &why) != 0) {
		show_error("%s", why.text);
		return STATUS_NO;
	}
	ok = show_preload(&record, &on);
	ok = show_variables(&record) && ok;
	ok = conf_show(stdout) && ok;
	show_trusted();
	record_clear(&record);
	return ok && on ? STATUS_DONE : STATUS_NO;
}

/* clang-format off */
static const char help[] =
	"Says whether catrust enable --system is on, what every program trusts, and what is broken:\n"
	"a damaged or missing library, a bundle that is not current, an invalid line in\n"
	"/etc/catrust/catrust.conf. catrust list shows more about what is trusted.\n"
	"\n"
	"options:\n"
	"  --system  accepted, but not needed\n"
	"  --help\n"
	"\n"
	"exit status: 0 on, and nothing is broken; 1 off, or something is broken.\n";
/* clang-format on */

const struct command status_command = {
	.name = "status",
	.arguments = "[--system]",
	.summary = "says whether enable is on, and what is broken",
	.help = help,
	.options = OPTION_SYSTEM,
	.least_args = 0,
	.most_args = 0,
	.run = run,
};
