/* SPDX-License-Identifier: Apache-2.0 */
#include "store/system.h"

#include "certs/candidate.h"
#include "certs/readcerts.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The distributions' own files, without anything from this machine. */
static const char *const shipped[] = {
	"/usr/share/ca-certificates/mozilla",			  /* Debian, Ubuntu, Alpine */
	"/usr/share/pki/ca-trust-source/ca-bundle.trust.p11-kit", /* Fedora, RHEL */
	"/usr/share/ca-certificates/trust-source/mozilla.trust.p11-kit", /* Arch */
	"/usr/share/pki/trust/ca-certificates-mozilla.trust.p11-kit",	 /* openSUSE */
};

/* The files that programs read: the above and this machine's own CAs. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",		     /* Debian, Ubuntu, Alpine, Arch */
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora, RHEL */
	"/etc/pki/tls/certs/ca-bundle.crt",		     /* the same, older */
	"/etc/ssl/ca-bundle.pem",			     /* SUSE */
	"/etc/ssl/cert.pem",				     /* Alpine without ca-certificates */
};

/* Where administrators put this machine's own CAs. */
static const char *const local[] = {
	"/usr/local/share/ca-certificates",
	"/etc/pki/ca-trust/source/anchors",
	"/etc/ca-certificates/trust-source/anchors",
	"/etc/pki/trust/anchors",
};

const char system_no_public_cas[] =
	"warning: no list of the public CAs can be read here, so catrust can't tell whether a CA "
	"is publicly trusted already (--public-bundle FILE names one)";

enum {
	MAX_DEPTH = 4,
	MAX_FILES = 2000,
	MAX_CERTS = 8000,
};

/* Certificates from many places; unreadable files are ignored. */
struct pool {
	STACK_OF(X509) * certs;
	int files;
	bool no_memory;
};

static void add_file(struct pool *pool, const char *path)
{
	struct readcerts r;
	struct reason ignored = {""};

	if (pool->files++ >= MAX_FILES || readcerts_file(path, &r, &ignored) != 0)
		return;
	for (int i = 0; i < sk_X509_num(r.certs) && sk_X509_num(pool->certs) < MAX_CERTS; i++)
		if (!X509_add_cert(pool->certs, sk_X509_value(r.certs, i), X509_ADD_FLAG_UP_REF))
			pool->no_memory = true;
	readcerts_clear(&r);
}

static void add_path(struct pool *pool, const char *path, int depth)
{
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	if (stat(path, &st) != 0)
		return;
	if (!S_ISDIR(st.st_mode)) {
		add_file(pool, path);
		return;
	}
	dir = depth < MAX_DEPTH ? opendir(path) : NULL;
	if (dir == NULL)
		return;
	/* cppcheck-suppress readdirCalled; glibc deprecates readdir_r */
	while (pool->files < MAX_FILES && (entry = readdir(dir)) != NULL) {
		char below[PATH_MAX];
		int len;

		if (entry->d_name[0] == '.')
			continue;
		len = snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (len > 0 && (size_t)len < sizeof(below))
			add_path(pool, below, depth + 1);
	}
	closedir(dir);
}

/* Adds the first of paths that has certificates. */
static void add_first(struct pool *pool, const char *const *paths, size_t count)
{
	int before = sk_X509_num(pool->certs);

	for (size_t i = 0; i < count && sk_X509_num(pool->certs) == before; i++)
		add_path(pool, paths[i], 0);
}

static void add_all(struct pool *pool, const char *const *paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_path(pool, paths[i], 0);
}

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static STACK_OF(X509) * finish(struct pool *pool)
{
	if (!pool->no_memory)
		return pool->certs;
	sk_X509_pop_free(pool->certs, X509_free);
	return NULL;
}

static struct pool new_pool(void)
{
	struct pool pool = {.certs = sk_X509_new_null()};

	pool.no_memory = pool.certs == NULL;
	return pool;
}

/* Removes from pool all certificates whose key is in other. */
static void subtract(struct pool *pool, const struct pool *other)
{
	for (int i = sk_X509_num(pool->certs) - 1; i >= 0; i--)
		if (candidate_find_key(other->certs, sk_X509_value(pool->certs, i)) != NULL)
			X509_free(sk_X509_delete(pool->certs, i));
}

STACK_OF(X509) * system_public_cas(const char *bundle, struct reason *why)
{
	struct pool pool = new_pool();
	STACK_OF(X509) * certs;

	if (bundle != NULL && !pool.no_memory) {
		struct readcerts r;

		sk_X509_free(pool.certs);
		return readcerts_any(bundle, &r, why) == 0 ? r.certs : NULL;
	}
	if (!pool.no_memory)
		add_first(&pool, shipped, COUNT(shipped));
	if (!pool.no_memory && sk_X509_num(pool.certs) == 0) {
		struct pool own = new_pool();

		add_first(&pool, bundles, COUNT(bundles));
		add_all(&own, local, COUNT(local));
		subtract(&pool, &own);
		sk_X509_pop_free(own.certs, X509_free);
	}
	certs = finish(&pool);
	if (certs == NULL)
		reason_set(why, "out of memory");
	return certs;
}

const char *system_bundle(void)
{
	struct stat st;

	for (size_t i = 0; i < COUNT(bundles); i++)
		if (stat(bundles[i], &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
			return bundles[i];
	return NULL;
}

STACK_OF(X509) * system_store(void)
{
	struct pool pool = new_pool();

	if (!pool.no_memory) {
		add_first(&pool, bundles, COUNT(bundles));
		add_all(&pool, local, COUNT(local));
	}
	return finish(&pool);
}

STACK_OF(X509) * system_named_store(void)
{
	const char *named = getenv(X509_get_default_cert_file_env());
	struct pool pool = new_pool();

	if (!pool.no_memory && named != NULL && named[0] != '\0')
		add_path(&pool, named, MAX_DEPTH);
	return finish(&pool);
}
