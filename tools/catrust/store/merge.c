/* SPDX-License-Identifier: Apache-2.0 */
#include "store/merge.h"

#include "base/show.h"
#include "certs/certshow.h"
#include "certs/readcerts.h"
#include "store/storefile.h"

#include <dirent.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The first line of a merged file, before a number and a newline. */
#define HEAD "# Made by catrust-run --env. Certificates that are no anchors of catrust's: "

enum { MAX_FILES = 2000, MAX_CERTS = 8000 };

int merge_init(struct merge *m)
{
	*m = (struct merge){.certs = sk_X509_new_null()};
	return m->certs == NULL ? -1 : 0;
}

void merge_clear(struct merge *m)
{
	sk_X509_pop_free(m->certs, X509_free);
	m->certs = NULL;
}

static bool has(const STACK_OF(X509) * certs, const X509 *cert)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (X509_cmp(sk_X509_value(certs, i), cert) == 0)
			return true;
	return false;
}

static int add(struct merge *m, X509 *cert)
{
	if (has(m->certs, cert))
		return 0;
	return X509_add_cert(m->certs, cert, X509_ADD_FLAG_UP_REF) == 1 ? 0 : -1;
}

/* How many certificates a file had before merge_anchors(): all, if it is not a merged file. */
static long count_found(const char *path)
{
	char line[sizeof(HEAD) + 16] = "";
	FILE *f = fopen(path, "re");
	long count = MAX_CERTS;

	if (f != NULL && fgets(line, sizeof(line), f) != NULL &&
	    strncmp(line, HEAD, strlen(HEAD)) == 0)
		count = strtol(line + strlen(HEAD), NULL, 10);
	if (f != NULL)
		fclose(f);
	return count;
}

/* readcerts_file() would read standard input. */
static const char *as_file(const char *path)
{
	return strcmp(path, "-") == 0 ? "./-" : path;
}

/* Returns how many certificates there were, or -1 and *why. */
static int add_file(struct merge *m, const char *path, struct reason *why)
{
	long count;
	struct readcerts r;
	int all;

	if (readcerts_file(path, &r, why) != 0)
		return -1;
	all = sk_X509_num(r.certs);
	/* Only now is it known to be a regular file. */
	count = count_found(path);
	for (int i = 0; i < all && i < count && sk_X509_num(m->certs) < MAX_CERTS; i++)
		if (add(m, sk_X509_value(r.certs, i)) != 0) {
			reason_set(why, "out of memory");
			all = -1;
		}
	readcerts_clear(&r);
	return all;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Sorted by name, so that the same directory always gives the same file. */
static int add_directory(struct merge *m, const char *path)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, is_shown, by_name), found = 0;

	for (int i = 0; i < count; i++) {
		struct reason ignored = {""};
		char below[PATH_MAX];
		int len = snprintf(below, sizeof(below), "%s/%s", path, entries[i]->d_name), got;

		free(entries[i]);
		if (len < 0 || len >= PATH_MAX || i >= MAX_FILES)
			continue;
		got = add_file(m, below, &ignored);
		found += got > 0 ? got : 0;
	}
	free(entries);
	return found;
}

int merge_path(struct merge *m, const char *path, struct reason *why)
{
	char shown[SHOW_MAX];
	struct stat st;
	int found;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		found = add_directory(m, path);
	else
		found = add_file(m, as_file(path), why);
	if (found == 0)
		reason_set(why, "%s: no certificate in it", show_text(path, shown));
	m->found = sk_X509_num(m->certs);
	return found > 0 ? 0 : -1;
}

int merge_store(struct merge *m, const char *path, const char *password, struct reason *why)
{
	STACK_OF(X509) *certs = storefile_read(path, password, why);
	int result = certs == NULL ? -1 : 0;

	for (int i = 0; i < sk_X509_num(certs) && result == 0; i++)
		result = add(m, sk_X509_value(certs, i));
	if (certs != NULL && result != 0)
		reason_set(why, "out of memory");
	sk_X509_pop_free(certs, X509_free);
	m->found = sk_X509_num(m->certs);
	return result;
}

static bool for_every_name(const struct trusted *trusted, size_t i)
{
	return trusted->cert[i] != NULL && trusted->anchors->anchor[i].scopes == NULL;
}

int merge_anchors(struct merge *m, const struct trusted *trusted)
{
	for (size_t i = 0; i < trusted->anchors->count; i++)
		if (for_every_name(trusted, i) && add(m, trusted->cert[i]) != 0)
			return -1;
	return 0;
}

static int verify(const char *path, const STACK_OF(X509) * certs, const struct trusted *trusted,
		  struct reason *why)
{
	char shown[SHOW_MAX], name[SHOW_MAX];

	for (size_t i = 0; i < trusted->anchors->count; i++)
		if (for_every_name(trusted, i) && !has(certs, trusted->cert[i])) {
			reason_set(why, "%s: %s is missing in it", show_text(path, shown),
				   certshow_name(X509_get_subject_name(trusted->cert[i]), name));
			return -1;
		}
	return 0;
}

int merge_verify(const char *path, const struct trusted *trusted, struct reason *why)
{
	struct readcerts r;
	int result;

	if (readcerts_file(as_file(path), &r, why) != 0)
		return -1;
	result = verify(path, r.certs, trusted, why);
	readcerts_clear(&r);
	return result;
}

int merge_verify_store(const char *path, const char *password, const struct trusted *trusted,
		       struct reason *why)
{
	STACK_OF(X509) *certs = storefile_read(path, password, why);
	int result = certs == NULL ? -1 : verify(path, certs, trusted, why);

	sk_X509_pop_free(certs, X509_free);
	return result;
}

int merge_pem(const struct merge *m, BIO *to)
{
	bool ok = BIO_printf(to, HEAD "%d\n", m->found) > 0;

	for (int i = 0; ok && i < sk_X509_num(m->certs); i++)
		ok = PEM_write_bio_X509(to, sk_X509_value(m->certs, i)) == 1;
	ERR_clear_error();
	return ok ? 0 : -1;
}
