/* SPDX-License-Identifier: Apache-2.0 */
#include "store/unused.h"

#include "anchors/scope.h"
#include "base/show.h"
#include "store/trusted.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { MOST = 20 };

static void show_directory(const char *dir, bool is_scope, size_t *found)
{
	struct dirent **entries = NULL;
	int count = scandir(dir, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		char path[PATH_MAX], shown[SHOW_MAX];
		struct scope scope;
		struct stat st;

		if (name[0] == '.' || trustdir_name_counts(name) ||
		    snprintf(path, sizeof(path), "%s/%s", dir, name) >= PATH_MAX ||
		    stat(path, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode) && !is_scope && scope_parse(name, &scope) == 0)
			show_directory(path, true, found);
		else if (S_ISREG(st.st_mode) && (*found)++ < MOST)
			show_line(SHOW_PLAIN,
				  "%s: skipped, because its name does not end in " TRUSTDIR_ENDINGS,
				  show_text(path, shown));
	}
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
}

void unused_show(const struct trustdir_sources *sources)
{
	char path[PATH_MAX];
	size_t found = 0;

	for (size_t i = 0; trusted_path(sources, i, path); i++)
		show_directory(path, false, &found);
	if (found > MOST)
		show_line(SHOW_PLAIN, "%zu more files are skipped because of their names",
			  found - MOST);
}
