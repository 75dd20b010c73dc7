/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "base/walk.h"
#include "certs/fingerprint.h"
#include "certs/readcerts.h"
#include "cli/command.h"
#include "store/trusted.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The part of path before its last slash. */
static int directory_of(const char *path, char dir[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);

	if (len >= PATH_MAX)
		return -1;
	if (slash == NULL)
		return snprintf(dir, PATH_MAX, ".") > 0 ? 0 : -1;
	return snprintf(dir, PATH_MAX, "%.*s", len == 0 ? 1 : (int)len, path) > 0 ? 0 : -1;
}

static bool is_top(const struct trustdir_sources *sources, const struct stat *dir)
{
	char path[PATH_MAX];
	struct stat st;

	for (size_t i = 0; S_ISDIR(dir->st_mode) && trusted_path(sources, i, path); i++)
		if (stat(path, &st) == 0 && same_file(&st, dir))
			return true;
	return false;
}

/*
 * Is dir one of the trust directories, or the directory of a scope in one, and not a link to
 * another place?
 */
static bool is_trust_directory(const struct trustdir_sources *sources, const char *dir)
{
	char real[PATH_MAX], top[PATH_MAX];
	struct scope scope;
	struct stat st;

	if (stat(dir, &st) == 0 && is_top(sources, &st))
		return true;
	/* The real path has the name by which the library knows the scope. */
	return realpath(dir, real) != NULL && directory_of(real, top) == 0 &&
	       scope_parse(strrchr(real, '/') + 1, &scope) == 0 && stat(top, &st) == 0 &&
	       is_top(sources, &st) && lstat(real, &st) == 0 && S_ISDIR(st.st_mode);
}

/*
 * The name of the scope whose directory is open as dir, in the trust directory that is open as
 * parent, or NULL. path: where dir was found.
 */
static const char *scope_of(const struct trustdir_sources *sources, int parent, int dir,
			    const char *path, char real[PATH_MAX])
{
	const char *name = realpath(path, real) == NULL ? NULL : strrchr(real, '/') + 1;
	struct scope scope;
	struct stat top, entry, st;

	return name != NULL && scope_parse(name, &scope) == 0 && fstat(parent, &top) == 0 &&
			       is_top(sources, &top) &&
			       fstatat(parent, name, &entry, AT_SYMLINK_NOFOLLOW) == 0 &&
			       fstat(dir, &st) == 0 && same_file(&entry, &st)
		       ? name
		       : NULL;
}

/*
 * Removes name from the directory that is open as dir and was found as path, and the directory of a
 * scope that is empty then: fetch made it, for what was in it. Returns 0 or a negative errno.
 */
static int remove_from(const struct trustdir_sources *sources, int dir, const char *path,
		       const char *name)
{
	int parent = openat(dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char real[PATH_MAX];
	const char *scope = parent < 0 ? NULL : scope_of(sources, parent, dir, path, real);
	struct stat st;
	int error = 0;

	/* Another directory may be in its place now. */
	if (scope == NULL && (fstat(dir, &st) != 0 || !is_top(sources, &st)))
		error = -ENOENT;
	else if (unlinkat(dir, name, 0) != 0)
		error = -errno;
	else if (scope != NULL)
		unlinkat(parent, scope, AT_REMOVEDIR);
	if (parent >= 0)
		close(parent);
	return error;
}

static enum status remove_path(const struct trustdir_sources *sources, const char *path)
{
	const char *slash = strrchr(path, '/');
	char shown[SHOW_MAX], dir[PATH_MAX];
	int error = directory_of(path, dir) == 0 ? 0 : -ENAMETOOLONG;
	int fd = error != 0 ? error : walk_directory(dir, false);

	error = fd < 0 ? fd : remove_from(sources, fd, dir, slash == NULL ? path : slash + 1);
	if (fd >= 0)
		close(fd);
	show_text(path, shown);
	if (error == -ELOOP)
		show_error("%s: its path has a symbolic link that belongs to another user, or too "
			   "many links: nothing is removed",
			   shown);
	else if (error != 0)
		show_error("%s: %s", shown, strerror(-error));
	else
		puts(shown);
	return error == 0 ? STATUS_DONE : STATUS_NO;
}

/* Counts the files name in the scopes of top; path is set to one of them. */
static size_t find_in_scopes(const char *top, const char *name, char path[PATH_MAX])
{
	DIR *dir = opendir(top);
	struct dirent *entry;
	size_t found = 0;

	/* cppcheck-suppress readdirCalled; there is one thread */
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char one[PATH_MAX];
		struct scope scope;
		struct stat st;

		if (scope_parse(entry->d_name, &scope) != 0 ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISDIR(st.st_mode) ||
		    snprintf(one, sizeof(one), "%s/%s/%s", top, entry->d_name, name) >= PATH_MAX ||
		    lstat(one, &st) != 0)
			continue;
		memcpy(path, one, strlen(one) + 1);
		found++;
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

/*
 * The file that the user means by name: a path, or a name in one of the trust directories or else
 * in one of their scopes. Returns how many there are; path is one of them.
 */
static size_t find_file(const struct trustdir_sources *sources, const char *name,
			char path[PATH_MAX])
{
	char dir[PATH_MAX];
	size_t found = 0;
	struct stat st;

	if (directory_of(name, dir) == 0 && is_trust_directory(sources, dir) &&
	    lstat(name, &st) == 0)
		return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX;
	if (strchr(name, '/') != NULL || name[0] == '\0')
		return 0;
	for (size_t i = 0; trusted_path(sources, i, dir); i++)
		if (is_directory(dir) && snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX &&
		    lstat(path, &st) == 0)
			return 1;
	for (size_t i = 0; trusted_path(sources, i, dir); i++)
		found += find_in_scopes(dir, name, path);
	return found;
}

static enum status remove_file(const struct trustdir_sources *sources, const char *name)
{
	const char *slash = strrchr(name, '/');
	char shown[SHOW_MAX], path[PATH_MAX];
	size_t found = find_file(sources, name, path);

	show_text(name, shown);
	if (found == 0) {
		show_error("%s: neither a fingerprint nor a file of a trust directory: nothing is "
			   "removed",
			   shown);
		return STATUS_NO;
	}
	if (found > 1) {
		show_error("%s: there are %zu files of this name, in different scopes: nothing is "
			   "removed. Name one by its path, or the certificate by its fingerprint",
			   shown, found);
		return STATUS_NO;
	}
	if (is_directory(path)) {
		show_error("%s: a directory, not a file: nothing is removed", shown);
		return STATUS_NO;
	}
	if (!trustdir_name_counts(slash == NULL ? name : slash + 1)) {
		show_error("%s: not used anyway, because its name does not end in " TRUSTDIR_ENDINGS
			   ": nothing is removed",
			   shown);
		return STATUS_NO;
	}
	return remove_path(sources, path);
}

/* May the whole file be removed, to remove the one certificate? */
static bool is_alone_in(const struct trustdir_sources *sources, const char *path)
{
	char dir[PATH_MAX], shown[SHOW_MAX];
	struct readcerts r;
	struct reason why = {""};
	bool alone;

	show_text(path, shown);
	if (directory_of(path, dir) != 0 || !is_trust_directory(sources, dir)) {
		show_error("%s: not in a trust directory: CATRUST_DIR or CATRUST_PEM names it "
			   "directly, or it is behind a symbolic link: nothing is removed",
			   shown);
		return false;
	}
	if (readcerts_file(path, &r, &why) != 0) {
		show_error("%s", why.text);
		return false;
	}
	alone = r.found == 1;
	if (!alone)
		show_error("%s holds %zu certificates: nothing is removed. To remove all of them, "
			   "name "
			   "the file: catrust remove FILE",
			   shown, r.found);
	readcerts_clear(&r);
	return alone;
}

/* The file of the first certificate with this fingerprint; false: there is none. */
static int find_fingerprint(const struct trustdir_sources *sources, const struct fingerprint *f,
			    char path[PATH_MAX])
{
	struct trusted t;
	int found = 0;

	if (trusted_read(sources, &t) != 0)
		return -1;
	for (size_t i = 0; i < t.anchors->count && found == 0; i++) {
		struct fingerprint other;

		if (t.cert[i] != NULL && fingerprint_of(t.cert[i], &other) == 0 &&
		    fingerprint_equal(&other, f))
			found = snprintf(path, PATH_MAX, "%s", t.anchors->anchor[i].file) < PATH_MAX
					? 1
					: -1;
	}
	trusted_clear(&t);
	return found;
}

/* Removes all copies, because one that stays would keep the certificate trusted. */
static enum status remove_fingerprint(const struct trustdir_sources *sources,
				      const struct fingerprint *f, const char *text)
{
	char path[PATH_MAX], shown[SHOW_MAX];

	for (int removed = 0; removed <= TRUSTDIR_MAX_FILES; removed++) {
		int found = find_fingerprint(sources, f, path);

		if (found < 0) {
			show_error("out of memory");
			return STATUS_NO;
		}
		if (found == 0 && removed == 0) {
			show_error("%s: no certificate with this fingerprint is trusted",
				   show_text(text, shown));
			return STATUS_NO;
		}
		if (found == 0)
			return STATUS_DONE;
		if (!is_alone_in(sources, path) || remove_path(sources, path) != STATUS_DONE)
			return STATUS_NO;
	}
	return STATUS_NO;
}

static enum status run(const struct options *options)
{
	struct trustdir_sources sources = trusted_sources(options->dir);
	enum status worst = STATUS_DONE;

	for (int i = 0; i < options->arg_count; i++) {
		const char *text = options->args[i];
		struct fingerprint f;
		enum status status = fingerprint_parse(text, &f) == NULL
					     ? remove_fingerprint(&sources, &f, text)
					     : remove_file(&sources, text);

		if (status > worst)
			worst = status;
	}
	return worst;
}

/* clang-format off */
static const char help[] =
	"Removes certificates from the trust directories. FINGERPRINT is a SHA-256 fingerprint: every\n"
	"file that holds that certificate and no other is removed, in all scopes. FILE is the path or\n"
	"the name of a file.\n"
	"\n"
	"options:\n"
	"  --dir DIR  the trust directory, instead of CATRUST_DIR and the defaults\n"
	"  --help\n";
/* clang-format on */

const struct command remove_command = {
	.name = "remove",
	.arguments = "[--dir DIR] FINGERPRINT|FILE...",
	.summary = "removes a certificate from the trust directory",
	.help = help,
	.example = "catrust remove corp-root.pem",
	.changes_files = true,
	.options = OPTION_DIR,
	.least_args = 1,
	.most_args = 1000,
	.run = run,
};
