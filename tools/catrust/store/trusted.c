/* SPDX-License-Identifier: Apache-2.0 */
#include "store/trusted.h"

#include "certs/readcerts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct trustdir_sources trusted_sources(const char *dir)
{
	const char *allow = getenv("CATRUST_ALLOW_WRITABLE");
	struct trustdir_sources s = {
		.dirs = getenv("CATRUST_DIR"),
		.pem = getenv("CATRUST_PEM"),
		.home = getenv("HOME"),
		.xdg = getenv("XDG_CONFIG_HOME"),
		.allow_writable = allow != NULL && strcmp(allow, "1") == 0,
	};

	if (dir != NULL) {
		s.dirs = dir;
		s.pem = NULL;
	}
	return s;
}

int trusted_read(const struct trustdir_sources *sources, struct trusted *ret)
{
	struct trusted t = {NULL, NULL};

	if (trustdir_read(sources, NULL, &t.anchors) != 0)
		return -1;
	t.cert = calloc(t.anchors->count + 1, sizeof(X509 *));
	if (t.cert == NULL) {
		trustdir_free(t.anchors);
		return -1;
	}
	for (size_t i = 0; i < t.anchors->count; i++)
		t.cert[i] = readcerts_der(t.anchors->anchor[i].der, t.anchors->anchor[i].der_len);
	*ret = t;
	return 0;
}

void trusted_clear(struct trusted *t)
{
	for (size_t i = 0; t->anchors != NULL && i < t->anchors->count; i++)
		X509_free(t->cert[i]);
	free(t->cert);
	trustdir_free(t->anchors);
	*t = (struct trusted){NULL, NULL};
}

const char *trusted_file_of(const struct trusted *t, const X509 *cert)
{
	for (size_t i = 0; i < t->anchors->count; i++)
		if (t->cert[i] != NULL && t->anchors->anchor[i].scopes == NULL &&
		    X509_cmp(t->cert[i], cert) == 0)
			return t->anchors->anchor[i].file;
	return NULL;
}

/* Element number index of a colon-separated list; skips empty ones. */
static bool list_element(const char *list, size_t index, char buf[PATH_MAX])
{
	for (;;) {
		size_t len;

		list += strspn(list, ":");
		len = strcspn(list, ":");
		if (len == 0)
			return false;
		if (index-- == 0)
			return snprintf(buf, PATH_MAX, "%.*s", (int)len, list) < PATH_MAX;
		list += len;
	}
}

bool trusted_path(const struct trustdir_sources *sources, size_t index, char buf[PATH_MAX])
{
	struct trustdir_sources defaults = *sources;

	if (sources->dirs != NULL && sources->dirs[0] != '\0')
		return list_element(sources->dirs, index, buf);
	defaults.dirs = NULL;
	return index < 2 && trustdir_first(&defaults, index == 0, buf, PATH_MAX) == 0;
}
