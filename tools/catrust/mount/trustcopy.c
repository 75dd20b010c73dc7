/* SPDX-License-Identifier: Apache-2.0 */
#include "mount/trustcopy.h"

#include "base/show.h"
#include "mount/cover.h"
#include "store/trusted.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A trust directory, or a file used as one. */
struct trustcopy_dir {
	char path[PATH_MAX];
	struct trustdir_sources sources; /* only this one */
	struct anchors *before;
};

static int no_memory(struct reason *why)
{
	reason_set(why, "out of memory");
	return -1;
}

int trustcopy_read(const struct trustdir_sources *sources, struct trustcopy *ret,
		   struct reason *why)
{
	char path[PATH_MAX];

	*ret = (struct trustcopy){NULL, 0};
	while (trusted_path(sources, ret->count, path))
		ret->count++;
	ret->dir = calloc(ret->count + 1, sizeof(*ret->dir));
	if (ret->dir == NULL)
		return no_memory(why);
	for (size_t i = 0; i < ret->count; i++) {
		struct trustcopy_dir *d = &ret->dir[i];

		(void)trusted_path(sources, i, d->path);
		d->sources = *sources;
		d->sources.dirs = d->path;
		d->sources.pem = NULL;
		if (trustdir_read(&d->sources, NULL, &d->before) != 0)
			return no_memory(why);
	}
	return 0;
}

void trustcopy_clear(struct trustcopy *t)
{
	for (size_t i = 0; t->dir != NULL && i < t->count; i++)
		trustdir_free(t->dir[i].before);
	free(t->dir);
	*t = (struct trustcopy){NULL, 0};
}

/* Adds one certificate to a file. */
static bool add(struct cover_files *files, const char *name, const struct anchor *anchor)
{
	struct cover_file *file = cover_file(files, name);
	BIO *pem = BIO_new(BIO_s_mem());
	bool done = file != NULL && pem != NULL &&
		    PEM_write_bio(pem, "CERTIFICATE", "", anchor->der, (long)anchor->der_len) > 0 &&
		    cover_append(file, pem);

	BIO_free(pem);
	return done;
}

/* Adds all trusted certificates, in files of the same names: their paths without prefix bytes. */
static bool add_all(struct cover_files *f, const struct anchors *before, size_t prefix)
{
	for (size_t i = 0; i < before->count; i++) {
		const struct anchor *anchor = &before->anchor[i];

		if (!add(f, anchor->file + prefix, anchor))
			return false;
		for (const struct anchor_copy *c = anchor->copies; c != NULL; c = c->next)
			if (!add(f, c->file + prefix, anchor))
				return false;
	}
	return true;
}

/* The folder to cover, with links resolved. false: there is none, or it is the root. */
static bool folder_of(const struct trustcopy_dir *d, bool is_dir, char ret[PATH_MAX])
{
	const char *slash = strrchr(d->path, '/');
	char folder[PATH_MAX];

	if (is_dir)
		snprintf(folder, sizeof(folder), "%s", d->path);
	else if (slash == NULL)
		snprintf(folder, sizeof(folder), ".");
	else
		snprintf(folder, sizeof(folder), "%.*s/", (int)(slash - d->path), d->path);
	return realpath(folder, ret) != NULL && strcmp(ret, "/") != 0;
}

static int cover(const struct trustcopy_dir *d, struct reason *why)
{
	const char *slash = strrchr(d->path, '/');
	char folder[PATH_MAX], shown[SHOW_MAX];
	struct cover_files f = {NULL, 0, 0};
	struct stat st;
	size_t prefix;
	bool is_dir;
	int error = -1;

	if (stat(d->path, &st) != 0)
		return 0; /* there is nothing to cover; then nothing may have been trusted */
	is_dir = S_ISDIR(st.st_mode);
	prefix = is_dir ? strlen(d->path) + 1 : slash == NULL ? 0 : (size_t)(slash + 1 - d->path);
	if (!folder_of(d, is_dir, folder))
		reason_set(why, "%s can't be covered by a copy", show_text(d->path, shown));
	/* If nothing in a file was trusted, its copy is empty. */
	else if ((!is_dir && cover_file(&f, d->path + prefix) == NULL) ||
		 !add_all(&f, d->before, prefix))
		(void)no_memory(why);
	else
		/* Hides a directory's other files: they may be a stranger's, and a copy would be
		 * the user's. */
		error = cover_folder(folder, is_dir ? COVER_HIDE_REST : COVER_KEEP_REST, &f, why);
	cover_files_clear(&f);
	return error;
}

static int check(const struct trustcopy_dir *d, struct reason *why)
{
	char shown[SHOW_MAX];
	struct anchors *now;
	bool same;

	if (trustdir_read(&d->sources, NULL, &now) != 0)
		return no_memory(why);
	same = trustdir_same(d->before, now);
	trustdir_free(now);
	if (same)
		return 0;
	reason_set(why,
		   "in a user namespace, other certificates of %s would be trusted than now; "
		   "catrust-run --env sets variables instead",
		   show_text(d->path, shown));
	return -1;
}

/* problems: also covers if there are more problems, whose messages would be wrong outside. */
static int keep(const struct trustcopy_dir *d, bool problems, struct reason *why)
{
	struct anchors *now;
	bool same;

	if (trustdir_read(&d->sources, NULL, &now) != 0)
		return no_memory(why);
	same = trustdir_same(d->before, now) &&
	       (!problems || trustdir_same_problems(d->before, now));
	trustdir_free(now);
	return same ? 0 : cover(d, why);
}

int trustcopy_cover(const struct trustcopy *t, struct reason *why)
{
	for (size_t i = 0; i < t->count; i++)
		if (keep(&t->dir[i], true, why) != 0)
			return -1;
	/* In a copied folder, a stranger's file that another source names belongs to the user. */
	for (size_t i = 0; i < t->count; i++)
		if (keep(&t->dir[i], false, why) != 0)
			return -1;
	for (size_t i = 0; i < t->count; i++)
		if (check(&t->dir[i], why) != 0)
			return -1;
	return 0;
}
