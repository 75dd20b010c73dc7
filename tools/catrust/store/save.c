/* SPDX-License-Identifier: Apache-2.0 */
#include "store/save.h"

#include "base/interrupts.h"
#include "base/output.h"
#include "base/show.h"
#include "base/temporary.h"
#include "base/walk.h"
#include "certs/certshow.h"
#include "certs/filename.h"
#include "certs/fingerprint.h"
#include "store/trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

/* Adds a line to the comment. Breaks up hyphens, so that nothing looks like the start of PEM. */
static bool add_comment(BIO *to, const char *label, const char *text)
{
	bool ok = BIO_printf(to, "# %-10s ", label) > 0;

	for (const char *p = text; ok && *p != '\0'; p++)
		ok = p > text && p[0] == '-' && p[-1] == '-' ? BIO_puts(to, "\\x2d") > 0
							     : BIO_write(to, p, 1) == 1;
	return ok && BIO_puts(to, "\n") > 0;
}

int save_render(const X509 *cert, const struct save_origin *origin, BIO *to)
{
	char subject[SHOW_MAX], sha256[FINGERPRINT_TEXT], date[64] = "";
	struct fingerprint f;
	time_t now = time(NULL);
	struct tm tm;
	bool ok;

	if (gmtime_r(&now, &tm) != NULL)
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC, catrust " CATRUST_VERSION, &tm);
	certshow_name(X509_get_subject_name(cert), subject);
	ok = fingerprint_of(cert, &f) == 0 && add_comment(to, "Subject:", subject) &&
	     add_comment(to, "SHA-256:", fingerprint_text(&f, sha256)) &&
	     add_comment(to, "Source:", origin->source) && add_comment(to, "Saved:", date) &&
	     add_comment(to, "Confirmed:", origin->confirmed) && PEM_write_bio_X509(to, cert) == 1;
	ERR_clear_error();
	return ok ? 0 : -1;
}

int save_directory(const struct trustdir_sources *sources, char dir[PATH_MAX], struct reason *why)
{
	char shown[SHOW_MAX];
	int error = trustdir_first(sources, geteuid() == 0, dir, PATH_MAX);

	if (error == -ENOENT)
		reason_set(why,
			   "there is no directory to save to: neither CATRUST_DIR nor HOME is set");
	else if (error != 0)
		reason_set(why, "the name of the trust directory is too long");
	else if (strchr(dir, ':') != NULL)
		reason_set(why, "%s: a trust directory can't have a colon in its name",
			   show_text(dir, shown));
	else
		return 0;
	return -1;
}

/* The problem that trustdir found with path, or with anything if path is NULL. */
static const char *problem_with(const struct anchors *anchors, const char *path)
{
	for (size_t i = 0; i < anchors->problem_count; i++) {
		const struct trustdir_problem *p = &anchors->problem[i];
		size_t len = path == NULL ? 0 : strlen(path);

		if (p->level != TRUSTDIR_ERROR)
			continue;
		if (path == NULL || (strncmp(p->text, path, len) == 0 && p->text[len] == ':'))
			return p->text;
	}
	return NULL;
}

/* Reads only dir, and pem if there is one. */
static int read_alone(const char *dir, const char *pem, const struct trustdir_sources *sources,
		      struct trusted *ret)
{
	struct trustdir_sources alone = *sources;

	alone.dirs = dir;
	alone.pem = pem;
	return trusted_read(&alone, ret);
}

/* Can path be created, or written to? */
static bool may_write(const char *path)
{
	char buf[PATH_MAX];
	char *slash;

	if (access(path, F_OK) == 0)
		return access(path, W_OK | X_OK) == 0;
	if (errno != ENOENT || snprintf(buf, sizeof(buf), "%s", path) >= (int)sizeof(buf))
		return false;
	while ((slash = strrchr(buf, '/')) != NULL) {
		slash[slash == buf ? 1 : 0] = '\0';
		if (access(buf, F_OK) == 0)
			return access(buf, W_OK | X_OK) == 0;
		if (errno != ENOENT || slash == buf)
			return false;
	}
	return access(".", W_OK | X_OK) == 0;
}

static void why_path(struct reason *why, const char *path, int error)
{
	const char *advice = "";
	char shown[SHOW_MAX];

	if (error == ELOOP) {
		reason_set(why,
			   "%s: its path has a symbolic link that belongs to another user, or too "
			   "many links: nothing is saved there",
			   show_text(path, shown));
		return;
	}
	if (error == EACCES && geteuid() != 0)
		advice = " (become root, or choose another directory with --dir)";
	else if (error == EACCES || error == EPERM || error == EROFS)
		advice = " (choose another directory with --dir)";
	reason_set(why, "%s: %s%s", show_text(path, shown), strerror(error), advice);
}

static int full_path(const struct save_place *place, char path[PATH_MAX])
{
	int len = snprintf(path, PATH_MAX, "%s%s%s", place->dir, place->scope == NULL ? "" : "/",
			   place->scope == NULL ? "" : place->scope);

	return len < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* A link could lead the file to any place. */
static bool is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

static void why_link(struct reason *why, const char *path)
{
	char shown[SHOW_MAX];

	reason_set(why, "%s: a symbolic link: nothing is saved where it leads to",
		   show_text(path, shown));
}

int save_check(const struct save_place *place, const X509 *cert,
	       const struct trustdir_sources *sources, struct reason *why)
{
	static const struct save_origin nothing = {"", ""};
	struct trusted t = {NULL, NULL};
	BIO *pem = BIO_new(BIO_s_mem());
	char shown[SHOW_MAX], dir[PATH_MAX];
	const char *problem;
	struct stat st;
	char *text = NULL;
	int result = -1;

	if (full_path(place, dir) != 0) {
		why_path(why, place->dir, ENAMETOOLONG);
		goto out;
	}
	if (place->scope != NULL && is_link(dir)) {
		why_link(why, dir);
		goto out;
	}
	if (stat(dir, &st) == 0 && !S_ISDIR(st.st_mode)) {
		why_path(why, dir, ENOTDIR);
		goto out;
	}
	if (!may_write(dir)) {
		why_path(why, dir, errno == 0 ? EACCES : errno);
		goto out;
	}
	if (access(dir, F_OK) != 0) {
		result = 0; /* it will be created, and be correct */
		goto out;
	}
	/* Adds a certificate from elsewhere, so that an empty dir is no problem. */
	if (pem == NULL || save_render(cert, &nothing, pem) != 0 || BIO_write(pem, "", 1) != 1 ||
	    BIO_get_mem_data(pem, &text) <= 0 || read_alone(dir, text, sources, &t) != 0) {
		reason_set(why, "out of memory");
		goto out;
	}
	problem = problem_with(t.anchors, dir);
	if (problem != NULL)
		reason_set(why, "a certificate saved there would not count: %s",
			   show_text(problem, shown));
	else
		result = 0;
out:
	trusted_clear(&t);
	BIO_free(pem);
	return result;
}

/* Like rename(), but never over another file. */
static int rename_new(int dir, const char *from, const char *to)
{
	int fd, error;

	if (linkat(dir, from, dir, to, 0) == 0)
		return 0; /* the caller removes the old name */
	if (errno == EEXIST)
		return -EEXIST;
	/* Some file systems have no links, and some of those also lack this kind of renaming. */
	if (syscall(SYS_renameat2, dir, from, dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EEXIST)
		return -EEXIST;
	fd = openat(dir, to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	error = renameat(dir, from, dir, to) == 0 ? 0 : -errno;
	if (error != 0)
		unlinkat(dir, to, 0);
	return error;
}

/* Returns 0 or a negative errno. */
static int write_file(int dir, const char *name, const char *data, size_t len)
{
	char temporary[TEMPORARY_NAME];
	int fd = temporary_make(dir, temporary);
	int error;

	if (fd < 0)
		return fd;
	error = output_all(fd, data, len);
	if (error == 0 && (fchmod(fd, 0644) != 0 || fsync(fd) != 0))
		error = -errno;
	if (error == 0)
		error = rename_new(dir, temporary, name);
	unlinkat(dir, temporary, 0);
	if (close(fd) != 0 && error == 0)
		error = -errno;
	if (error == 0)
		fsync(dir);
	return error;
}

/* Is the saved file trusted? If not, it is removed again. */
static int check_saved(int fd, const char *dir, const char *name, const char *path,
		       const X509 *cert, const struct trustdir_sources *sources, struct reason *why)
{
	struct trusted t = {NULL, NULL};
	char shown[SHOW_MAX];
	const char *problem;
	int result = -1;

	if (read_alone(dir, NULL, sources, &t) != 0) {
		reason_set(why, "out of memory");
	} else if (trusted_file_of(&t, cert) != NULL) {
		result = 0;
	} else {
		problem = problem_with(t.anchors, path);
		if (problem == NULL)
			problem = problem_with(t.anchors, NULL);
		reason_set(why, "a certificate saved there does not count: %s",
			   show_text(problem == NULL ? dir : problem, shown));
	}
	if (result != 0)
		unlinkat(fd, name, 0);
	trusted_clear(&t);
	return result;
}

/* A parallel run may have saved the same certificate. */
static bool is_there(const char *dir, const char *path, const X509 *cert,
		     const struct trustdir_sources *sources)
{
	struct trusted t = {NULL, NULL};
	const char *file = NULL;
	bool result;

	if (read_alone(dir, NULL, sources, &t) == 0)
		file = trusted_file_of(&t, cert);
	result = file != NULL && strcmp(file, path) == 0;
	trusted_clear(&t);
	return result;
}

/* An opened place; -1 for what is not open. */
struct opened {
	int top; /* the trust directory */
	int dir; /* the same, or the directory of the scope */
};

static void close_place(struct opened *o)
{
	if (o->dir >= 0 && o->dir != o->top)
		close(o->dir);
	if (o->top >= 0)
		close(o->top);
	o->top = o->dir = -1;
}

/* Returns 0, or a negative errno and opens nothing. make: creates what is missing. */
static int open_place(const struct save_place *place, bool make, struct opened *ret)
{
	struct opened o = {walk_directory(place->dir, make), -1};
	int error = o.top < 0 ? o.top : 0;

	if (error == 0 && place->scope != NULL && make) {
		error = walk_make(o.top, place->scope, 0755);
		if (error == -EEXIST)
			error = 0;
	}
	if (error == 0 && place->scope != NULL) {
		o.dir = openat(o.top, place->scope,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		error = o.dir < 0 ? -errno : 0;
	} else {
		o.dir = o.top;
	}
	if (error != 0)
		close_place(&o);
	*ret = o;
	return error;
}

/* Returns 0, -EEXIST or another negative errno. */
static int write_at(const struct save_place *place, const char *name, const char *data, size_t len,
		    struct opened *ret)
{
	enum { TRIES = 3 };
	int error = 0;

	/* catrust remove may remove the directory in the meantime. */
	for (int i = 0; i < TRIES; i++) {
		error = open_place(place, true, ret);
		if (error != 0)
			return error;
		error = write_file(ret->dir, name, data, len);
		if (error != -ENOENT)
			break;
		close_place(ret);
	}
	return error;
}

int save_certificate(const struct save_place *place, const X509 *cert,
		     const struct save_origin *origin, const struct trustdir_sources *sources,
		     char path[PATH_MAX], bool *made, struct reason *why)
{
	sigset_t before;
	BIO *pem = BIO_new(BIO_s_mem());
	char name[FILENAME_SIZE], dir[PATH_MAX];
	struct opened o = {-1, -1};
	int result = -1, error;
	char *data = NULL;
	long len;

	*made = false;
	if (pem == NULL || save_render(cert, origin, pem) != 0 || filename_of(cert, name) == NULL) {
		reason_set(why, "out of memory");
		BIO_free(pem);
		return -1;
	}
	len = BIO_get_mem_data(pem, &data);
	interrupts_hold(&before);
	if (full_path(place, dir) != 0 ||
	    snprintf(path, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX) {
		why_path(why, place->dir, ENAMETOOLONG);
		goto out;
	}
	error = write_at(place, name, data, (size_t)len, &o);
	if (error == 0)
		result = check_saved(o.dir, dir, name, path, cert, sources, why);
	else if (error == -EEXIST && is_there(dir, path, cert, sources))
		result = 0;
	else if (place->scope != NULL && is_link(dir))
		why_link(why, dir);
	else
		why_path(why, error == -EEXIST ? path : dir, -error);
	*made = error == 0 && result == 0;
	/* An empty directory was created for nothing. */
	if (result != 0 && place->scope != NULL && o.top >= 0)
		unlinkat(o.top, place->scope, AT_REMOVEDIR);
out:
	sigprocmask(SIG_SETMASK, &before, NULL);
	close_place(&o);
	BIO_free(pem);
	return result;
}

void save_undo(const struct save_place *place, const X509 *cert)
{
	char name[FILENAME_SIZE];
	struct opened o;

	if (open_place(place, false, &o) != 0)
		return;
	if (filename_of(cert, name) != NULL)
		unlinkat(o.dir, name, 0);
	/* Only if it is empty. */
	if (place->scope != NULL)
		unlinkat(o.top, place->scope, AT_REMOVEDIR);
	close_place(&o);
}
