/* SPDX-License-Identifier: Apache-2.0 */
#include "load/load.h"

#include "libc/hash.h"
#include "load/deferred.h"
#include "load/shared.h"
#include "openssl/context.h"
#include "process/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The first version whose default places are not known. */
enum { UNKNOWN_DEFAULTS = 0x40100000 };

static bool is_wanted(const struct crypto *c, const OSSL_LIB_CTX *libctx, const char *propq)
{
	if (!config_active() || config_is(SET_NO_SHARE) || !c->usable ||
	    (c->lacks & SHARING) != 0 || libctx != NULL || propq != NULL)
		return false;
	return context_is_global(c); /* that is what NULL means */
}

static const char *value_or(const char *variable, const char *otherwise)
{
	const char *value = secure_getenv(variable);

	return value != NULL ? value : otherwise;
}

static const char *default_file(const struct crypto *c)
{
	return value_or(c->api.X509_get_default_cert_file_env(),
			c->api.X509_get_default_cert_file());
}

static int add_default(const struct crypto *c, X509_LOOKUP *lookup, int command, long type)
{
	return c->real.X509_LOOKUP_ctrl(lookup, command, NULL, type, NULL);
}

/* ---- The default directory, as a URI ---- */

/* Set in a mark if OpenSSL's own look at the directory sets errno to 0, as in late 3.0. */
enum { CLEARS_ERRNO = 1 };

/* A mark for the directory's name that needs no memory. It is never 0, and leaves the above bit
 * free. */
static uintptr_t mark_of(const char *name)
{
	return ((uintptr_t)hash_bytes(name, strlen(name)) | 2) & ~(uintptr_t)CLEARS_ERRNO;
}

/* Both take the store's own lock, since setting ex_data may move it. */
static uintptr_t get_mark(struct crypto *c, X509_STORE *store)
{
	int index = binding_ex_index(c, &c->directory_index, CRYPTO_EX_INDEX_X509_STORE, NULL);
	uintptr_t mark = 0;

	if (index >= 0 && c->api.X509_STORE_lock(store)) {
		mark = (uintptr_t)c->api.X509_STORE_get_ex_data(store, index);
		c->api.X509_STORE_unlock(store);
	}
	return mark;
}

static void set_mark(struct crypto *c, X509_STORE *store, uintptr_t mark)
{
	int index = binding_ex_index(c, &c->directory_index, CRYPTO_EX_INDEX_X509_STORE, NULL);

	if (index >= 0 && c->api.X509_STORE_lock(store)) {
		c->api.X509_STORE_set_ex_data(store, index, (void *)mark);
		c->api.X509_STORE_unlock(store);
	}
}

/* OpenSSL 3.0 to 3.3 append the directory again each time a program asks for the default places,
 * and then search all of them for each missing certificate (truststore#212). */
static int add_default_directory(struct crypto *c, X509_LOOKUP *lookup)
{
	X509_STORE *store = c->api.X509_LOOKUP_get_store(lookup);
	uintptr_t known = get_mark(c, store);
	uintptr_t mark = mark_of(value_or(c->api.X509_get_default_cert_dir_env(),
					  c->api.X509_get_default_cert_dir()));
	int saved_errno = errno, ret;

	if ((known & ~(uintptr_t)CLEARS_ERRNO) == mark) {
		errno = known & CLEARS_ERRNO ? 0 : saved_errno;
		return 1;
	}
	errno = EDOM; /* no call sets this value */
	ret = add_default(c, lookup, X509_L_ADD_STORE, 0);
	if (ret == 1)
		set_mark(c, store, mark | (errno == 0 ? CLEARS_ERRNO : 0));
	errno = errno == EDOM ? saved_errno : errno;
	return ret;
}

/* ---- In the place of the real functions ---- */

/* Like X509_STORE_set_default_paths() in 1.1.1 to 4.0. */
static int load_defaults(struct crypto *c, X509_STORE *store)
{
	X509_LOOKUP *lookup = c->real.X509_STORE_add_lookup(store, c->api.X509_LOOKUP_file());

	if (lookup == NULL)
		return 0;
	if (!shared_load(c, store, default_file(c))) {
		deferred_end(c, store);
		add_default(c, lookup, X509_L_FILE_LOAD, X509_FILETYPE_DEFAULT);
	}
	lookup = c->real.X509_STORE_add_lookup(store, c->api.X509_LOOKUP_hash_dir());
	if (lookup == NULL)
		return 0;
	add_default(c, lookup, X509_L_ADD_DIR, X509_FILETYPE_DEFAULT);
	if (c->api.X509_LOOKUP_store != NULL) {
		lookup = c->real.X509_STORE_add_lookup(store, c->api.X509_LOOKUP_store());
		if (lookup == NULL)
			return 0;
		add_default_directory(c, lookup);
	}
	c->api.ERR_clear_error();
	return 1;
}

static bool load(struct crypto *c, X509_STORE *store, const struct load_source *from, int *ret)
{
	if (from->defaults) {
		if (c->api.OpenSSL_version_num() >= UNKNOWN_DEFAULTS)
			return false;
		*ret = load_defaults(c, store);
		return true;
	}
	if (from->file == NULL ||
	    c->real.X509_STORE_add_lookup(store, c->api.X509_LOOKUP_file()) == NULL ||
	    !shared_load(c, store, from->file))
		return false;
	*ret = from->dir == NULL ? 1 : c->real.X509_STORE_load_locations(store, NULL, from->dir);
	return true;
}

bool load_store(struct crypto *c, X509_STORE *store, const struct load_source *from, int *ret)
{
	if (store == NULL || !c->usable)
		return false;
	if (is_wanted(c, from->libctx, from->propq) && load(c, store, from, ret))
		return true;
	/* The real function must find the store as if nothing had been deferred. */
	deferred_end(c, store);
	return false;
}

/* The lookup's method is word 1, in 1.1.1 to 4.0. */
static bool is_by(const X509_LOOKUP *lookup, const X509_LOOKUP_METHOD *method)
{
	const void *word[2];

	memcpy(word, lookup, sizeof(word));
	return word[1] == method;
}

/*
 * A directory is searched after the certificates already loaded, so what was deferred may stay so.
 */
static bool adds_directory(int command)
{
	return command == X509_L_ADD_DIR || command == X509_L_ADD_STORE;
}

static bool look_up(struct crypto *c, X509_LOOKUP *lookup, int command, const char *name, long type,
		    int *ret)
{
	if (command == X509_L_FILE_LOAD && is_by(lookup, c->api.X509_LOOKUP_file())) {
		if (type == X509_FILETYPE_DEFAULT)
			name = default_file(c);
		else if (type != X509_FILETYPE_PEM)
			return false;
		*ret = 1;
		return name != NULL && shared_load(c, c->api.X509_LOOKUP_get_store(lookup), name);
	}
	if (command == X509_L_ADD_STORE && name == NULL && c->api.X509_LOOKUP_store != NULL &&
	    is_by(lookup, c->api.X509_LOOKUP_store())) {
		*ret = add_default_directory(c, lookup);
		return true;
	}
	return false;
}

bool load_lookup(struct crypto *c, X509_LOOKUP *lookup, int command, const char *name, long type,
		 const OSSL_LIB_CTX *libctx, const char *propq, int *ret)
{
	X509_STORE *store = NULL;

	if (lookup != NULL && c->usable && (c->lacks & SHARING) == 0)
		store = c->api.X509_LOOKUP_get_store(lookup);
	if (store == NULL)
		return false;
	if (is_wanted(c, libctx, propq) && look_up(c, lookup, command, name, type, ret))
		return true;
	if (adds_directory(command))
		deferred_stop(c, store);
	else
		deferred_end(c, store);
	return false;
}
