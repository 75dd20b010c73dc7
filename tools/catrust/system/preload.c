/* SPDX-License-Identifier: Apache-2.0 */
#include "system/preload.h"

#include "base/output.h"
#include "base/show.h"
#include "system/blank.h"
#include "system/library.h"
#include "system/textfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "libcatrust.so"

static int too_long(struct reason *why)
{
	reason_set(why, "the path of the library is too long");
	return -1;
}

/* Is library PREFIX/LIB/libcatrust.so? If so, *prefix_len is the length of PREFIX. */
static bool lies_in(const char *library, const char *lib, size_t *prefix_len)
{
	char end[LINKERS_LIB + sizeof(NAME) + 2];
	size_t len = strlen(library);
	int end_len = snprintf(end, sizeof(end), "/%s/" NAME, lib);

	if (lib[0] == '\0' || end_len < 0 || len <= (size_t)end_len ||
	    strcmp(library + len - (size_t)end_len, end) != 0)
		return false;
	*prefix_len = len - (size_t)end_len;
	return true;
}

static bool leads_to(const char *path, const char *library)
{
	struct stat a, b;

	return stat(path, &a) == 0 && stat(library, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static int add_file(struct preload_plan *plan, const char *base, const char *lib,
		    const struct linker *blank_for, struct reason *why)
{
	char *path = plan->file[plan->count].path;
	struct stat st;

	if (snprintf(path, PATH_MAX, "%s/%s/" NAME, base, lib) >= PATH_MAX)
		return too_long(why);
	if (lstat(path, &st) == 0 &&
	    (blank_for == NULL ? leads_to(path, plan->library) : linkers_is_for(blank_for, path)))
		return 0;
	plan->file[plan->count++].blank_for = blank_for;
	return 0;
}

/* For several kinds of programs: each finds its own library through $LIB. */
static int plan_several(struct preload_plan *plan, const struct linkers *linkers,
			const struct linker *own, struct reason *why)
{
	char base[PATH_MAX] = RECORD_FOLDER;
	size_t len;

	if (lies_in(plan->library, own->lib, &len)) {
		memcpy(base, plan->library, len);
		base[len] = '\0';
	} else if (add_file(plan, base, own->lib, NULL, why) != 0) {
		return -1;
	}
	for (size_t i = 0; i < linkers->count; i++) {
		const struct linker *l = &linkers->item[i];

		if (l == own)
			continue;
		if (l->lib[0] == '\0' || own->lib[0] == '\0' || strcmp(l->lib, own->lib) == 0) {
			reason_set(why,
				   "%s: can't tell what $LIB stands for in its programs, so each "
				   "of them would complain about the library at its start",
				   l->path);
			return -1;
		}
		if (add_file(plan, base, l->lib, l, why) != 0)
			return -1;
	}
	return snprintf(plan->entry, PATH_MAX, "%s/$LIB/" NAME, base) < PATH_MAX ? 0
										 : too_long(why);
}

int preload_plan(const char *library, const struct linkers *linkers, struct preload_plan *ret,
		 struct reason *why)
{
	const struct linker *own = NULL;
	char shown[SHOW_MAX];

	ret->count = 0;
	if (strpbrk(library, " \t\n:$#") != NULL) {
		reason_set(why,
			   "%s: the dynamic linker can't use a path with a space, colon, dollar or "
			   "number sign",
			   show_text(library, shown));
		return -1;
	}
	snprintf(ret->library, sizeof(ret->library), "%s", library);
	snprintf(ret->entry, sizeof(ret->entry), "%s", library);
	for (size_t i = 0; own == NULL && i < linkers->count; i++)
		if (linkers_is_for(&linkers->item[i], library))
			own = &linkers->item[i];
	if (own == NULL) {
		reason_set(why, "no dynamic linker of this system loads %s by " PRELOAD_PATH "%s",
			   show_text(library, shown),
			   linkers->has_musl
				   ? ": musl's does not read it. Set LD_PRELOAD to that path for "
				     "all programs, with ENV in a container's image"
				   : "");
		return -1;
	}
	return linkers->count == 1 ? 0 : plan_several(ret, linkers, own, why);
}

/* Checks the entry's file for the programs of each linker. */
int preload_check(const struct preload_plan *plan, const struct linkers *linkers,
		  struct reason *why)
{
	const char *lib = strstr(plan->entry, "$LIB");
	char path[PATH_MAX];

	if (lib == NULL)
		return library_check_path(plan->entry, why);
	for (size_t i = 0; i < linkers->count; i++) {
		if (snprintf(path, sizeof(path), "%.*s%s%s", (int)(lib - plan->entry), plan->entry,
			     linkers->item[i].lib, lib + strlen("$LIB")) >= PATH_MAX)
			return too_long(why);
		if (library_check_path(path, why) != 0)
			return -1;
	}
	return 0;
}

int preload_prepare(const struct preload_plan *plan, struct record *r, struct reason *why)
{
	char shown[SHOW_MAX];

	for (size_t i = 0; i < plan->count; i++) {
		const char *path = plan->file[i].path;
		struct stat st;

		bool own = record_has(r, RECORD_FILE, path);

		/* A blank one may be replaced; a link belongs to an installation elsewhere. */
		if (lstat(path, &st) == 0 && (!own || plan->file[i].blank_for == NULL)) {
			reason_set(why, "%s: %s", show_text(path, shown),
				   own ? "it leads to another library than this catrust's: catrust "
					 "disable first, then enable again"
				       : "it exists already, and catrust did not write it");
			return -1;
		}
		if (record_folder(r, path, why) != 0 || record_add(r, RECORD_FILE, path) != 0 ||
		    record_write(r, why) != 0)
			return -1;
		if (plan->file[i].blank_for != NULL) {
			if (blank_write(plan->file[i].blank_for, path, why) != 0)
				return -1;
		} else if (symlink(plan->library, path) != 0) {
			reason_set(why, "%s: %s", show_text(path, shown), strerror(errno));
			return -1;
		}
	}
	return 0;
}

/* The next entry from *at on, separated as in the dynamic linker. */
static bool next_entry(const struct textfile *f, size_t *at, size_t *len)
{
	for (;;) {
		*at += strspn(f->text + *at, " \t\n:");
		if (f->text[*at] != '#')
			break;
		*at += strcspn(f->text + *at, "\n");
	}
	*len = strcspn(f->text + *at, " \t\n:#");
	return *len > 0;
}

static bool find_entry(const struct textfile *f, const char *entry, size_t *at, size_t *len)
{
	if (f->text == NULL)
		return false;
	for (*at = 0; next_entry(f, at, len); *at += *len) {
		const char *text = f->text + *at;

		if (entry != NULL
			    ? strlen(entry) == *len && memcmp(text, entry, *len) == 0
			    : *len > strlen("/" NAME) && memcmp(text + *len - strlen("/" NAME),
								"/" NAME, strlen("/" NAME)) == 0)
			return true;
	}
	return false;
}

int preload_look(const char *entry, char ret[PATH_MAX], struct reason *why)
{
	struct textfile f;
	size_t at, len;
	bool found;

	if (textfile_read(PRELOAD_PATH, &f, why) != 0)
		return -1;
	found = (entry != NULL && find_entry(&f, entry, &at, &len)) ||
		find_entry(&f, NULL, &at, &len);
	if (found)
		snprintf(ret, PATH_MAX, "%.*s", len < PATH_MAX ? (int)len : PATH_MAX - 1,
			 f.text + at);
	textfile_clear(&f);
	return found;
}

int preload_add(const char *entry, struct record *r, struct reason *why)
{
	char line[PATH_MAX + 1];
	struct textfile f;
	size_t at, len;
	struct stat st;
	int error = -1;

	if (textfile_read(PRELOAD_PATH, &f, why) != 0)
		return -1;
	if (find_entry(&f, entry, &at, &len)) {
		textfile_clear(&f);
		return 0;
	}
	if (f.text == NULL && lstat(PRELOAD_PATH, &st) == 0) {
		reason_set(why, PRELOAD_PATH ": a link to a file that is not there");
		return -1;
	}
	snprintf(line, sizeof(line), "%s\n", entry);
	if ((f.text == NULL && record_add(r, RECORD_FILE, PRELOAD_PATH) != 0) ||
	    record_add(r, RECORD_PRELOAD, entry) != 0 || textfile_append(&f, line) != 0)
		reason_set(why, "out of memory");
	else if (record_write(r, why) == 0)
		error = output_file(PRELOAD_PATH, f.text, f.len, false, why);
	textfile_clear(&f);
	return error;
}

/* Cuts the whole line if it has only this entry; otherwise also one separator beside it. */
static void cut_entry(struct textfile *f, size_t at, size_t len)
{
	bool starts = at == 0 || f->text[at - 1] == '\n';
	char after = f->text[at + len];

	if (starts && (after == '\n' || after == '\0'))
		textfile_cut(f, at, len + (after == '\n'));
	else if (after == ' ' || after == ':' || after == '\t' || starts)
		textfile_cut(f, at, len + (after != '\n' && after != '\0'));
	else
		textfile_cut(f, at - 1, len + 1);
}

int preload_remove(const char *entry, struct reason *why)
{
	struct textfile f;
	size_t at, len;
	int error = 0;

	if (textfile_read(PRELOAD_PATH, &f, why) != 0)
		return -1;
	if (find_entry(&f, entry, &at, &len)) {
		cut_entry(&f, at, len);
		error = output_file(PRELOAD_PATH, f.text, f.len, false, why);
	}
	textfile_clear(&f);
	return error;
}
