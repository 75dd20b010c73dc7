/* SPDX-License-Identifier: Apache-2.0 */
#include "mount/covered.h"

#include "anchors/bundles.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_OF(path) path
static const char *const system_files[] = {BUNDLES_OF_SYSTEMS(PATH_OF)};

/* Below a Python's prefix. */
static const char *const python_files[] = {
	"certifi/cacert.pem",	"pip/_vendor/certifi/cacert.pem",      "botocore/cacert.pem",
	"httplib2/cacerts.txt", "grpc/_cython/_credentials/roots.pem",
};

static void add(struct covered *c, const char *path)
{
	struct covered_file *file;
	char real[PATH_MAX], *slash;
	struct stat st;

	if (realpath(path, real) == NULL || stat(real, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	slash = strrchr(real, '/');
	if (slash == real || strlen(slash + 1) > NAME_MAX)
		return; /* in the root, over which nothing can be mounted */
	*slash = '\0';
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->file[i].folder, real) == 0 && strcmp(c->file[i].name, slash + 1) == 0)
			return;
	if (c->count == COVERED_MAX) {
		c->is_full = true;
		return;
	}
	file = &c->file[c->count++];
	memcpy(file->folder, real, sizeof(real));
	memcpy(file->name, slash + 1, strlen(slash + 1) + 1);
}

/* Makes a pattern for glob() that matches only path. */
static bool quote(const char *path, char pattern[PATH_MAX])
{
	size_t at = 0;

	for (; *path != '\0'; path++) {
		if (at + 3 > PATH_MAX)
			return false;
		if (strchr("*?[]\\", *path) != NULL)
			pattern[at++] = '\\';
		pattern[at++] = *path;
	}
	pattern[at] = '\0';
	return true;
}

static void add_python(struct covered *c, const char *prefix)
{
	char quoted[PATH_MAX], pattern[2 * PATH_MAX];
	glob_t found;

	if (!quote(prefix, quoted))
		return;
	for (size_t i = 0; i < sizeof(python_files) / sizeof(*python_files); i++) {
		snprintf(pattern, sizeof(pattern), "%s/lib*/python3*/*-packages/%s", quoted,
			 python_files[i]);
		if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
			continue;
		for (size_t j = 0; j < found.gl_pathc; j++)
			add(c, found.gl_pathv[j]);
		globfree(&found);
	}
}

/* The prefix of the environment whose bin contains command. */
static bool prefix_of(const char *command, char prefix[PATH_MAX])
{
	const char *slash = strrchr(command, '/');
	int len = slash == NULL
			  ? -1
			  : snprintf(prefix, PATH_MAX, "%.*s/..", (int)(slash - command), command);

	return len > 0 && len < PATH_MAX;
}

static int by_folder(const void *a, const void *b)
{
	const struct covered_file *x = a, *y = b;

	return strcmp(x->folder, y->folder);
}

void covered_find(struct covered *ret, bool all, const char *command)
{
	const char *active[] = {getenv("VIRTUAL_ENV"), getenv("CONDA_PREFIX"), "/usr",
				"/usr/local"};
	char prefix[PATH_MAX];

	ret->count = 0;
	ret->is_full = false;
	for (size_t i = 0; i < sizeof(system_files) / sizeof(*system_files); i++)
		add(ret, system_files[i]);
	if (all) {
		if (command != NULL && prefix_of(command, prefix))
			add_python(ret, prefix);
		for (size_t i = 0; i < sizeof(active) / sizeof(*active); i++)
			if (active[i] != NULL && active[i][0] == '/')
				add_python(ret, active[i]);
	}
	qsort(ret->file, ret->count, sizeof(*ret->file), by_folder);
}
