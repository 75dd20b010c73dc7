/* SPDX-License-Identifier: Apache-2.0 */
#include "system/variables.h"

#include "base/output.h"
#include "base/show.h"
#include "base/walk.h"
#include "env/envbundle.h"
#include "env/envtable.h"
#include "env/javaopts.h"
#include "store/merge.h"
#include "store/private_dir.h"
#include "store/storefile.h"
#include "store/system.h"
#include "store/truststore.h"
#include "system/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENVIRONMENT "/etc/environment"
#define FIRST_LINE                                                                                 \
	"# Written by catrust enable --system --env, down to the line with catrust disable."
#define LAST_LINE "# catrust disable removes these."

/* ---- The bundles ---- */

enum bundle { BUNDLE, ANCHORS, STORE, BUNDLES };

static const char *const bundle_name[BUNDLES] = {"bundle.pem", "anchors.pem", "bundle.p12"};
static const char *const bundle_path[BUNDLES] = {VARIABLES_BUNDLE, RECORD_FOLDER "/anchors.pem",
						 RECORD_FOLDER "/bundle.p12"};

static int no_memory(struct reason *why)
{
	reason_set(why, "out of memory");
	return -1;
}

/* Adds what a program trusts by itself to m, which must be empty. */
static int add_public(struct merge *m, enum bundle bundle, struct reason *why)
{
	const char *file = system_bundle();
	char store[PATH_MAX];

	if (bundle == STORE && storefile_default(store) && merge_store(m, store, NULL, why) == 0)
		return 0;
	if (file == NULL) {
		reason_set(why,
			   "there is no bundle of the public CAs on this system, and variables "
			   "would leave programs without them: install ca-certificates");
		return -1;
	}
	return merge_path(m, file, why);
}

/* Writes the bundle's bytes. If no anchor may vouch for every name, programs still need a bundle:
 * they refuse an empty one. */
static int make(enum bundle bundle, const struct trusted *trusted, BIO *to, struct reason *why)
{
	struct merge m;
	int error;

	if (merge_init(&m) != 0)
		return no_memory(why);
	error = bundle == ANCHORS && envbundle_wanted(trusted) ? 0 : add_public(&m, bundle, why);
	if (error == 0 && (merge_anchors(&m, trusted) != 0 ||
			   (bundle == STORE ? truststore_pkcs12(m.certs, ENVBUNDLE_PASSWORD, to)
					    : merge_pem(&m, to)) != 0))
		error = no_memory(why);
	merge_clear(&m);
	return error;
}

static int put(int dir, enum bundle bundle, const struct trusted *trusted, struct reason *why)
{
	BIO *to = BIO_new(BIO_s_mem());
	char *bytes = NULL;
	int error = to == NULL ? no_memory(why) : make(bundle, trusted, to, why);
	long len = error == 0 ? BIO_get_mem_data(to, &bytes) : 0;

	if (error == 0) {
		error = private_dir_put(dir, bundle_name[bundle], bytes, (size_t)len);
		if (error != 0)
			reason_set(why, "%s: %s", bundle_path[bundle], strerror(-error));
	}
	BIO_free(to);
	return error == 0 ? 0 : -1;
}

int variables_make_bundles(const struct trusted *trusted, bool is_first, struct reason *why)
{
	int dir, error = 0;

	if (is_first && !envbundle_wanted(trusted)) {
		reason_set(why, "no CA is trusted for every name yet, so there is nothing to put "
				"into a bundle: catrust fetch or add first");
		return -1;
	}
	if (system_bundle() == NULL) {
		struct merge none = {NULL, 0};

		return add_public(&none, BUNDLE, why);
	}
	dir = walk_directory(RECORD_FOLDER, true);
	if (dir < 0) {
		reason_set(why, RECORD_FOLDER ": %s", strerror(-dir));
		return -1;
	}
	for (int i = 0; error == 0 && i < BUNDLES; i++)
		error = put(dir, (enum bundle)i, trusted, why);
	close(dir);
	return error;
}

static int is_current(enum bundle bundle, const struct trusted *trusted, struct reason *why)
{
	BIO *to = BIO_new(BIO_s_mem());
	struct textfile file = {NULL, 0};
	char *bytes = NULL;
	int result = -1;

	if (to == NULL)
		(void)no_memory(why);
	else if (make(bundle, trusted, to, why) == 0 &&
		 textfile_read(bundle_path[bundle], &file, why) == 0)
		result = (size_t)BIO_get_mem_data(to, &bytes) == file.len &&
			 memcmp(bytes, file.text, file.len) == 0;
	textfile_clear(&file);
	BIO_free(to);
	return result;
}

int variables_are_current(const struct trusted *trusted, struct reason *why)
{
	int result = 1;

	for (int i = 0; result == 1 && i < BUNDLES; i++)
		result = is_current((enum bundle)i, trusted, why);
	return result;
}

int variables_remove_bundles(struct reason *why)
{
	for (int i = 0; i < BUNDLES; i++)
		if (unlink(bundle_path[i]) != 0 && errno != ENOENT) {
			reason_set(why, "%s: %s", bundle_path[i], strerror(errno));
			return -1;
		}
	return 0;
}

/* ---- The files that name them ---- */

static void print_shell(FILE *to, const char *name, const char *value)
{
	fprintf(to, "export %s=\"${%s-%s}\"\n", name, name, value);
}

static void print_user(FILE *to, const char *name, const char *value)
{
	fprintf(to, "%s=${%s:-%s}\n", name, name, value);
}

static void print_manager(FILE *to, const char *name, const char *value)
{
	fprintf(to, "DefaultEnvironment=\"%s=%s\"\n", name, value);
}

static void print_pam(FILE *to, const char *name, const char *value)
{
	fprintf(to, "%s=%s\n", name, value);
}

static const struct place {
	const char *path;
	const char *reader; /* if this exists, the file is read */
	void (*print)(FILE *to, const char *name, const char *value);
	const char *head;
} places[] = {
	{"/etc/profile.d/catrust.sh", "/etc/profile.d", print_shell, ""},
	{ENVIRONMENT, "/etc/pam.d", print_pam, ""},
	{"/etc/environment.d/60-catrust.conf", "/usr/lib/systemd", print_user, ""},
	{"/etc/systemd/system.conf.d/60-catrust.conf", "/usr/lib/systemd", print_manager,
	 "[Manager]\n"},
};

enum { PLACES = sizeof(places) / sizeof(*places) };

bool variables_is_shared(const char *path)
{
	return strcmp(path, ENVIRONMENT) == 0;
}

/* Does a line of f set the variable? The administrator's setting stays. */
static bool is_set(const struct textfile *f, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = f->text; line != NULL && *line != '\0';) {
		const char *end = strchr(line, '\n');

		line += strspn(line, " \t");
		if (strncmp(line, "export ", 7) == 0)
			line += 7 + strspn(line + 7, " \t");
		if (strncmp(line, name, len) == 0 && line[len] == '=')
			return true;
		line = end == NULL ? NULL : end + 1;
	}
	return false;
}

static void print_one(const struct place *place, const struct textfile *there, const char *name,
		      const char *value, FILE *to)
{
	if (!is_set(there, name))
		place->print(to, name, value);
}

/* The new text for place, to be freed; NULL: out of memory. */
static char *text_for(const struct place *place, const struct textfile *there)
{
	char java[PATH_MAX], *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	if (to == NULL)
		return NULL;
	fprintf(to, FIRST_LINE "\n%s", place->head);
	for (size_t i = 0; envtable[i].name != NULL; i++)
		if (envtable[i].effect != ENVTABLE_FOLLOWS)
			print_one(
				place, there, envtable[i].name,
				bundle_path[envtable[i].effect == ENVTABLE_ADDS ? ANCHORS : BUNDLE],
				to);
	snprintf(java, sizeof(java), "-D" JAVAOPTS_STORE "=%s", bundle_path[STORE]);
	print_one(place, there, javaopts_variable[0], java, to);
	fputs(LAST_LINE "\n", to);
	if (fclose(to) == 0)
		return text;
	free(text);
	return NULL;
}

static int add_to(const struct place *place, struct record *r, struct reason *why)
{
	bool shared = variables_is_shared(place->path);
	struct textfile f;
	char *text = NULL;
	struct stat st;
	int error = -1;
	size_t at;

	if (stat(place->reader, &st) != 0)
		return 0;
	if (record_folder(r, place->path, why) != 0 || textfile_read(place->path, &f, why) != 0)
		return -1;
	if (f.text != NULL && !shared && !record_has(r, RECORD_FILE, place->path)) {
		reason_set(why, "%s: it exists already, and catrust did not write it", place->path);
		goto out;
	}
	if (shared && textfile_find(&f, FIRST_LINE, &at)) {
		error = 0; /* unchanged since the first time */
		goto out;
	}
	text = text_for(place, shared ? &f : &(struct textfile){NULL, 0});
	if (text == NULL || (f.text == NULL && record_add(r, RECORD_FILE, place->path) != 0) ||
	    (shared && record_add(r, RECORD_BLOCK, place->path) != 0) ||
	    (shared && textfile_append(&f, text) != 0))
		error = no_memory(why);
	else if (record_write(r, why) == 0)
		error = shared ? output_file(place->path, f.text, f.len, false, why)
			       : output_file(place->path, text, strlen(text), false, why);
out:
	free(text);
	textfile_clear(&f);
	return error;
}

int variables_add(struct record *r, struct reason *why)
{
	for (size_t i = 0; i < PLACES; i++)
		if (add_to(&places[i], r, why) != 0)
			return -1;
	return 0;
}

int variables_remove_block(const char *path, struct reason *why)
{
	struct textfile f;
	char shown[SHOW_MAX];
	size_t at, end;
	int error = 0;

	if (textfile_read(path, &f, why) != 0)
		return -1;
	if (!textfile_find(&f, FIRST_LINE, &at)) {
		if (f.text != NULL && strstr(f.text, RECORD_FOLDER "/") != NULL) {
			reason_set(why,
				   "%s: the line \"" FIRST_LINE
				   "\" is gone: remove by hand the lines that name " RECORD_FOLDER,
				   show_text(path, shown));
			error = -1;
		}
	} else {
		struct textfile rest = {f.text + at, f.len - at};

		if (!textfile_find(&rest, LAST_LINE, &end)) {
			reason_set(why,
				   "%s: the line \"" LAST_LINE
				   "\" is gone: remove by hand what begins with \"" FIRST_LINE "\"",
				   show_text(path, shown));
			error = -1;
		} else {
			end += strlen(LAST_LINE);
			textfile_cut(&f, at, end + (rest.text[end] == '\n'));
			error = output_file(path, f.text, f.len, false, why);
		}
	}
	textfile_clear(&f);
	return error;
}
