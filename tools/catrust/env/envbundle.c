/* SPDX-License-Identifier: Apache-2.0 */
#include "env/envbundle.h"

#include "base/show.h"
#include "env/envsweep.h"
#include "store/merge.h"
#include "store/private_dir.h"
#include "store/system.h"
#include "store/truststore.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEM_SIZE = ENVBUNDLE_STEM_SIZE, NAME_SIZE = STEM_SIZE + 8 };

bool envbundle_wanted(const struct trusted *trusted)
{
	for (size_t i = 0; i < trusted->anchors->count; i++)
		if (trusted->cert[i] != NULL && trusted->anchors->anchor[i].scopes == NULL)
			return true;
	return false;
}

int envbundle_open(struct envbundle *ret, const struct trusted *trusted, struct reason *why)
{
	ret->trusted = trusted;
	ret->dir = private_dir_open(ret->dir_path, why);
	return ret->dir < 0 ? -1 : 0;
}

void envbundle_close(struct envbundle *b)
{
	if (b->dir >= 0) {
		envsweep(b->dir);
		close(b->dir);
	}
	b->dir = -1;
}

static int stem_of(BIO *pem, char stem[STEM_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char *bytes = NULL;
	long len = BIO_get_mem_data(pem, &bytes);
	int at = snprintf(stem, STEM_SIZE, ENVBUNDLE_PREFIX);

	if (len <= 0 || EVP_Digest(bytes, (size_t)len, digest, NULL, EVP_sha256(), NULL) != 1)
		return -1;
	for (int i = 0; i < ENVBUNDLE_KEY_BYTES; i++)
		at += snprintf(stem + at, STEM_SIZE - (size_t)at, "%02x", digest[i]);
	return 0;
}

static int keep(const struct envbundle *b, BIO *data, const char *stem, const char *ending,
		char path[PATH_MAX], struct reason *why)
{
	char name[NAME_SIZE], shown[SHOW_MAX], *bytes = NULL;
	long len = BIO_get_mem_data(data, &bytes);
	int error;

	snprintf(name, sizeof(name), "%s%s", stem, ending);
	if (snprintf(path, PATH_MAX, "%s/%s", b->dir_path, name) >= PATH_MAX) {
		reason_set(why, "%s: the name is too long", show_text(b->dir_path, shown));
		return -1;
	}
	error = private_dir_put(b->dir, name, bytes, (size_t)len);
	if (error == 0)
		return 0;
	reason_set(why, "%s: %s", show_text(path, shown), strerror(-error));
	return -1;
}

/* Adds the anchors, and stores the result. */
static enum envbundle_result finish(const struct envbundle *b, struct merge *m, bool pkcs12,
				    char ret[PATH_MAX], struct reason *why)
{
	enum envbundle_result result = ENVBUNDLE_FAILED;
	BIO *pem = BIO_new(BIO_s_mem()), *p12 = BIO_new(BIO_s_mem());
	char stem[STEM_SIZE];

	if (pem == NULL || p12 == NULL || merge_anchors(m, b->trusted) != 0 ||
	    merge_pem(m, pem) != 0 ||
	    (pkcs12 && truststore_pkcs12(m->certs, ENVBUNDLE_PASSWORD, p12) != 0) ||
	    stem_of(pem, stem) != 0)
		reason_set(why, "out of memory");
	else if (keep(b, pem, stem, ENVBUNDLE_PEM, ret, why) == 0 &&
		 merge_verify(ret, b->trusted, why) == 0 &&
		 (!pkcs12 || keep(b, p12, stem, ENVBUNDLE_PKCS12, ret, why) == 0))
		result = ENVBUNDLE_DONE;
	BIO_free(pem);
	BIO_free(p12);
	return result;
}

enum envbundle_result envbundle_of(const struct envbundle *b, const char *path, char ret[PATH_MAX],
				   struct reason *why)
{
	enum envbundle_result result = ENVBUNDLE_NOTHING;
	struct merge m;

	if (merge_init(&m) != 0) {
		reason_set(why, "out of memory");
		return ENVBUNDLE_FAILED;
	}
	if (path == NULL || merge_path(&m, path, why) == 0)
		result = finish(b, &m, false, ret, why);
	merge_clear(&m);
	return result;
}

enum envbundle_result envbundle_store(const struct envbundle *b,
				      const struct envbundle_source *source, char ret[PATH_MAX],
				      struct reason *why)
{
	enum envbundle_result result = ENVBUNDLE_NOTHING;
	struct merge m;
	int error;

	if (merge_init(&m) != 0) {
		reason_set(why, "out of memory");
		return ENVBUNDLE_FAILED;
	}
	if (source->pem != NULL)
		error = merge_path(&m, source->pem, why);
	else
		error = merge_store(&m, source->store, source->password, why);
	if (error == 0)
		result = finish(b, &m, true, ret, why);
	merge_clear(&m);
	return result;
}

/* Merges each directory of a list. The file is read, too, so a directory may be empty. */
static void merge_directories(struct merge *m, const char *list)
{
	char path[PATH_MAX];

	while (*list != '\0') {
		size_t len = strcspn(list, ":");
		struct reason ignored = {""};

		if (len > 0 && len < sizeof(path)) {
			memcpy(path, list, len);
			path[len] = '\0';
			(void)merge_path(m, path, &ignored);
		}
		list += len + (list[len] == ':');
	}
}

enum envbundle_result envbundle_default(const struct envbundle *b, char ret[PATH_MAX],
					struct reason *why)
{
	const char *file = getenv("SSL_CERT_FILE"), *dirs = getenv("SSL_CERT_DIR");
	enum envbundle_result result = ENVBUNDLE_NOTHING;
	struct merge m;

	if (file == NULL || file[0] == '\0')
		file = system_bundle();
	if (file == NULL) {
		reason_set(why, "there is no bundle of the public CAs on this system");
		return ENVBUNDLE_NOTHING;
	}
	if (merge_init(&m) != 0) {
		reason_set(why, "out of memory");
		return ENVBUNDLE_FAILED;
	}
	if (merge_path(&m, file, why) == 0) {
		if (dirs != NULL)
			merge_directories(&m, dirs);
		result = finish(b, &m, false, ret, why);
	}
	merge_clear(&m);
	return result;
}
