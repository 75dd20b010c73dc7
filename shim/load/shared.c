/* SPDX-License-Identifier: Apache-2.0 */
#include "load/shared.h"

#include "libc/compat.h"
#include "load/decoded.h"
#include "load/deferred.h"
#include "process/cancel.h"

#include <errno.h>
#include <openssl/pem.h>
#include <stdatomic.h>
#include <time.h>

/* The files of all copies of OpenSSL. And how many replaced ones may wait to be freed: after a
 * fork, they may wait forever. */
enum { FILES_MAX = 16, REPLACED_MAX = 16 };

static _Atomic(struct decoded *) files[FILES_MAX];

/*
 * Opens the file instead of only looking at it: if the program can no longer read it, or sees
 * another file there, OpenSSL decides. Looks at it first, because opening a FIFO or a device has
 * effects.
 */
static int open_file(const char *path, struct decoded_file *ret)
{
	struct stat st;
	int fd;

	if (compat_stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -1;
	if (compat_fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    st.st_size <= DECODED_MAX_FILE) {
		*ret = decoded_file_of(&st);
		return fd;
	}
	close(fd);
	return -1;
}

/* Will the file's times show any change from now on? File systems count them in steps of up to two
 * seconds. */
static bool is_settled(const struct decoded_file *file)
{
	struct timespec now;

	return clock_gettime(CLOCK_REALTIME, &now) == 0 && now.tv_sec - file->ctime.tv_sec > 2;
}

/* Valid until retire_leave(). */
static struct decoded *find(const struct crypto *c, const struct decoded_file *file)
{
	for (size_t i = 0; i < FILES_MAX; i++) {
		struct decoded *d = atomic_load(&files[i]);

		if (d != NULL && d->crypto == c && decoded_same_file(&d->file, file))
			return decoded_is_usable(d) ? d : NULL;
	}
	return NULL;
}

/* Which one it replaces: an older one of the same file, none, or the next in turn. */
static size_t place_for(const struct decoded *mine)
{
	static atomic_uint turn;
	size_t vacant = FILES_MAX;

	for (size_t i = 0; i < FILES_MAX; i++) {
		struct decoded *d = atomic_load(&files[i]);

		if (d == NULL)
			vacant = vacant == FILES_MAX ? i : vacant;
		else if (d->crypto == mine->crypto && d->file.ino == mine->file.ino &&
			 d->file.dev == mine->file.dev)
			return i;
	}
	return vacant < FILES_MAX ? vacant : atomic_fetch_add(&turn, 1) % FILES_MAX;
}

static atomic_int replaced; /* and not freed yet */

static void free_replaced(struct retired *item)
{
	atomic_fetch_sub(&replaced, 1);
	decoded_unref((struct decoded *)item);
}

/* Publishes it with a reference, unless another thread was first or too many wait. */
static void publish(struct decoded *mine)
{
	struct decoded *before;
	size_t place;
	bool published = false;

	decoded_ref(mine);
	retire_enter();
	place = place_for(mine);
	before = atomic_load(&files[place]);
	if (find(mine->crypto, &mine->file) == NULL &&
	    (before == NULL || atomic_load(&replaced) < REPLACED_MAX))
		published = atomic_compare_exchange_strong(&files[place], &before, mine);
	if (published && before != NULL) {
		atomic_fetch_add(&replaced, 1);
		before->retired.free = free_replaced;
		retire(&before->retired);
	}
	retire_leave();
	if (!published)
		decoded_unref(mine);
}

/* Changes the error queue like the load of a good file in this version: OpenSSL reads until nothing
 * is left, and then removes that error, or all errors. */
static void read_nothing(const struct crypto *c)
{
	BIO *bio = c->api.BIO_new_mem_buf("", 0);
	OPENSSL_STACK *infos;

	if (bio == NULL)
		return;
	infos = (OPENSSL_STACK *)c->api.PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL);
	c->api.OPENSSL_sk_free(infos);
	c->api.BIO_free(bio);
}

/* With a reference; NULL: not known. */
static struct decoded *known(const struct crypto *c, const struct decoded_file *file)
{
	struct decoded *d;

	retire_enter();
	d = find(c, file);
	if (d != NULL)
		decoded_ref(d);
	retire_leave();
	return d;
}

/* Likewise; NULL: OpenSSL itself must load it. */
static struct decoded *read_now(struct crypto *c, int fd, const struct decoded_file *file)
{
	struct decoded *d = is_settled(file) ? decoded_read(c, fd, file) : NULL;

	if (d != NULL)
		publish(d);
	return d;
}

static bool add_now(struct crypto *c, X509_STORE *store, struct decoded *d)
{
	struct binding_scope scope;
	bool decoded;

	deferred_end(c, store);
	scope = binding_work_begin(c);
	decoded = decoded_all(d);
	binding_work_end(c, scope);
	if (!decoded)
		return false;
	read_nothing(c);
	/* Afterwards: OpenSSL may report certificates that the store already has, and that must
	 * stay. */
	return decoded_add_to(d, store);
}

static bool load(struct crypto *c, X509_STORE *store, struct decoded *d)
{
	if (!deferred_again(c, store, d) && !deferred_put(c, store, d))
		return add_now(c, store, d);
	read_nothing(c);
	return true;
}

bool shared_load(struct crypto *c, X509_STORE *store, const char *path)
{
	int saved_errno = errno, cancel = cancel_hold(), fd;
	struct decoded_file file;
	struct decoded *d;
	bool done = false;

	fd = open_file(path, &file);
	if (fd >= 0) {
		d = known(c, &file);
		if (d == NULL)
			d = read_now(c, fd, &file);
		close(fd);
		if (d != NULL) {
			done = load(c, store, d);
			decoded_unref(d);
		}
	}
	cancel_release(cancel);
	errno = saved_errno;
	return done;
}
