/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "cli/command.h"
#include "env/envbundle.h"
#include "mount/cover.h"
#include "mount/covered.h"
#include "mount/namespace.h"
#include "mount/trustcopy.h"
#include "store/merge.h"
#include "store/problems.h"
#include "store/trusted.h"

#include <errno.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOT_EXECUTABLE = 126, NOT_FOUND = 127 };

/* The files of one folder. */
struct folder {
	const char *path;
	struct cover_files files;
};

/* One run of the command. */
struct run {
	const struct trusted *trusted;
	struct trustcopy copies;
	struct covered covered;
	struct folder folder[COVERED_MAX];
	size_t count;
	struct reason why;
};

static struct folder *folder_of(struct run *r, const struct covered_file *file)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->folder[i].path, file->folder) == 0)
			return &r->folder[i];
	r->folder[r->count].path = file->folder;
	return &r->folder[r->count++];
}

/* The bundle as it is, followed by the anchors. */
static int merge_file(struct run *r, const struct covered_file *of)
{
	struct cover_file *file = cover_file(&folder_of(r, of)->files, of->name);
	char path[PATH_MAX + NAME_MAX + 2];
	BIO *pem = BIO_new(BIO_s_mem());
	struct merge m = {NULL, 0};
	struct stat st;
	int error = -1;

	snprintf(path, sizeof(path), "%s/%s", of->folder, of->name);
	if (file == NULL || pem == NULL || merge_init(&m) != 0)
		reason_set(&r->why, "out of memory");
	/* Some images have an empty bundle. */
	else if ((stat(path, &st) == 0 && st.st_size == 0) || merge_path(&m, path, &r->why) == 0)
		error = merge_anchors(&m, r->trusted) != 0 || merge_pem(&m, pem) != 0 ||
			!cover_append(file, pem);
	if (error > 0)
		reason_set(&r->why, "out of memory");
	BIO_free(pem);
	merge_clear(&m);
	return error == 0 ? 0 : -1;
}

static bool is_taken(const struct folder *f, const char *name)
{
	char path[PATH_MAX + NAME_MAX + 2];
	struct stat st;

	if (cover_has(&f->files, name))
		return true;
	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	return lstat(path, &st) == 0;
}

/* The hashed name under which OpenSSL looks for it in a directory. */
static int add_hashed(struct folder *f, X509 *cert)
{
	unsigned long hash = X509_NAME_hash_ex(X509_get_subject_name(cert), NULL, NULL, NULL);
	struct cover_file *file;
	char name[32];
	BIO *pem = BIO_new(BIO_s_mem());
	bool done;

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%08lx.%d", hash, i);
		if (!is_taken(f, name))
			break;
	}
	file = cover_file(&f->files, name);
	done = pem != NULL && file != NULL && PEM_write_bio_X509(pem, cert) == 1 &&
	       cover_append(file, pem);
	BIO_free(pem);
	return done ? 0 : -1;
}

static int add_all_hashed(struct run *r, struct folder *f)
{
	const struct trusted *t = r->trusted;

	for (size_t i = 0; i < t->anchors->count; i++)
		if (t->cert[i] != NULL && t->anchors->anchor[i].scopes == NULL &&
		    add_hashed(f, t->cert[i]) != 0) {
			reason_set(&r->why, "out of memory");
			return -1;
		}
	return 0;
}

/* Everything is read before anything is covered. */
static int prepare(struct run *r)
{
	if (r->covered.is_full) {
		reason_set(&r->why, "there are more than %d bundles of CAs here", COVERED_MAX);
		return -1;
	}
	for (size_t i = 0; i < r->covered.count; i++)
		if (merge_file(r, &r->covered.file[i]) != 0)
			return -1;
	for (size_t i = 0; i < r->count; i++)
		if (cover_is_hashed(r->folder[i].path) && add_all_hashed(r, &r->folder[i]) != 0)
			return -1;
	return 0;
}

static int cover_all(struct run *r)
{
	if (namespace_enter(&r->why) != 0)
		return -1;
	for (size_t i = 0; i < r->count; i++)
		if (cover_folder(r->folder[i].path, COVER_KEEP_REST, &r->folder[i].files,
				 &r->why) != 0)
			return -1;
	if (trustcopy_cover(&r->copies, &r->why) != 0)
		return -1;
	for (size_t i = 0; i < r->covered.count; i++) {
		char path[PATH_MAX + NAME_MAX + 2];

		snprintf(path, sizeof(path), "%s/%s", r->covered.file[i].folder,
			 r->covered.file[i].name);
		if (merge_verify(path, r->trusted, &r->why) != 0)
			return -1;
	}
	return 0;
}

static int mount_all(const struct trustdir_sources *sources, const struct trusted *trusted,
		     bool all, const char *command)
{
	struct run *r = calloc(1, sizeof(*r));
	int error = -1;

	if (r == NULL) {
		show_error("out of memory");
		return -1;
	}
	r->trusted = trusted;
	covered_find(&r->covered, all, command);
	if (r->covered.count == 0)
		reason_set(&r->why, "there is no bundle of CAs on this system to mount over (is "
				    "ca-certificates installed?); catrust-run --env sets variables "
				    "instead");
	else if (trustcopy_read(sources, &r->copies, &r->why) == 0 && prepare(r) == 0)
		error = cover_all(r);
	if (error != 0)
		show_error("--mount: %s", r->why.text);
	for (size_t i = 0; i < r->count; i++)
		cover_files_clear(&r->folder[i].files);
	trustcopy_clear(&r->copies);
	free(r);
	return error;
}

/* argv: the path of the program, and what it is given. */
static enum status become(char **argv)
{
	const char *preload = getenv("CATRUST_PRELOAD");
	char shown[SHOW_MAX];
	int error;

	if (preload != NULL && setenv("LD_PRELOAD", preload, 1) != 0) {
		show_error("out of memory");
		return STATUS_CANT_RUN;
	}
	unsetenv("CATRUST_PRELOAD");
	/* A path needs no search in PATH; a file without a #! line is run by a shell. */
	execvp(argv[0], argv + 1);
	error = errno;
	show_error("%s: %s", show_text(argv[0], shown), strerror(error));
	return (enum status)(error == ENOENT ? NOT_FOUND : NOT_EXECUTABLE);
}

static bool is_disabled(void)
{
	const char *value = getenv("CATRUST_DISABLE");

	return value != NULL && value[0] != '\0' && strcmp(value, "0") != 0;
}

static enum status run(const struct options *options)
{
	struct trustdir_sources sources = trusted_sources(NULL);
	const char *log = getenv("CATRUST_LOG");
	bool quiet = log != NULL && strcmp(log, "off") == 0;
	struct trusted trusted;
	int error = 0;

	if (is_disabled())
		return become(options->args);
	if (trusted_read(&sources, &trusted) != 0) {
		show_error("out of memory");
		return STATUS_CANT_RUN;
	}
	if (!quiet)
		(void)problems_show(&trusted);
	if (envbundle_wanted(&trusted))
		error = mount_all(&sources, &trusted, options->all, options->args[0]);
	else if (!quiet)
		show_error("--mount: no CA is trusted for every name, so nothing is mounted");
	trusted_clear(&trusted);
	return error == 0 ? become(options->args) : STATUS_CANT_RUN;
}

/* clang-format off */
static const char help[] =
	"Becomes the program at PATH, under the name COMMAND, in a mount namespace of its own. There,\n"
	"the system's bundles of public CAs also hold the CAs in the trust directories. catrust-run\n"
	"--mount calls this; CATRUST_PRELOAD is the LD_PRELOAD of the program.\n"
	"\n"
	"options:\n"
	"  --all   also the bundles that Python packages bring\n"
	"  --help\n";
/* clang-format on */

const struct command mount_command = {
	.name = "mount",
	.arguments = "[--all] -- PATH COMMAND [ARGUMENT...]",
	.summary = "runs a command with the CAs mounted over the system's bundles",
	.help = help,
	.options = OPTION_ALL,
	.least_args = 2,
	.most_args = 1 << 20,
	.run = run,
};
