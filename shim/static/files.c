/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file layer, for an OpenSSL that is linked statically into a program or a module. No hook sees
 * its functions, but it reads its bundle through the C library's fopen(). If that is a bundle of
 * public CAs, it gets a copy that also has the anchors. The anchors are TRUSTED CERTIFICATE blocks
 * with serverAuth as their only purpose, as everywhere. So a server that loads a public bundle for
 * its clients lets no client in because of them. A bundle can't express a scope, so an anchor that
 * has one is left out. A shared libcrypto reads the file as it is, because its verifications get
 * the anchors through the hooks. So does code that reads the file for another purpose.
 */
#include "anchors/bundles.h"
#include "libc/compat.h"
#include "libc/io.h"
#include "libc/text.h"
#include "openssl/object.h"
#include "openssl/public.h"
#include "process/cancel.h"
#include "process/config.h"
#include "process/dl.h"
#include "process/edition.h"
#include "process/log.h"
#include "process/seen.h"
#include "static/embedded.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

enum { BUNDLE_MAX = TRUSTDIR_MAX_FILE, ANCHORS_MAX = 8 << 20 };

/* A buffer that grows. */
struct bytes {
	char *at;
	size_t len, room;
	bool failed; /* too many, or out of memory */
};

/* One fopen() to answer. */
struct request {
	const char *path;
	enum bundle kind;
	bool is_default; /* the default file of the OpenSSL in object */
	struct object object;
	struct bytes bytes;
	size_t added, left_out; /* anchors */
};

static void add(struct bytes *b, const void *data, size_t len)
{
	if (len > b->room - b->len) {
		const size_t most = BUNDLE_MAX + ANCHORS_MAX;
		size_t wanted = b->room * 2 + len + 4096, room = wanted < most ? wanted : most;
		char *bigger = len > most - b->len ? NULL : realloc(b->at, room);

		b->failed = b->failed || bigger == NULL;
		if (bigger == NULL)
			return;
		b->at = bigger;
		b->room = room;
	}
	memcpy(b->at + b->len, data, len);
	b->len += len;
}

static void add_string(struct bytes *b, const char *string)
{
	add(b, string, strlen(string));
}

/* In lines of 64, as PEM wants them. */
static void add_base64(struct bytes *b, const unsigned char *data, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char line[65];
	size_t n = 0;

	for (size_t i = 0; i < len; i += 3) {
		size_t have = len - i < 3 ? len - i : 3;
		unsigned long bits = (unsigned long)data[i] << 16;

		bits |= have > 1 ? (unsigned long)data[i + 1] << 8 : 0;
		bits |= have > 2 ? data[i + 2] : 0;
		line[n++] = digits[bits >> 18];
		line[n++] = digits[bits >> 12 & 63];
		line[n++] = '=';
		line[n++] = '=';
		if (have > 1)
			line[n - 2] = digits[bits >> 6 & 63];
		if (have > 2)
			line[n - 1] = digits[bits & 63];
		if (n == 64 || i + 3 >= len) {
			line[n] = '\n';
			add(b, line, n + 1);
			n = 0;
		}
	}
}

/* OpenSSL's X509_CERT_AUX: SEQUENCE { trust SEQUENCE { serverAuth } }. */
static const unsigned char for_servers[] = {0x30, 0x0c, 0x30, 0x0a, 0x06, 0x08, 0x2b,
					    0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};

static bool add_anchor(void *arg, const struct anchor *anchor)
{
	struct request *r = arg;
	unsigned char *der;

	if (anchor->scopes != NULL) {
		r->left_out++;
		return true;
	}
	der = malloc(anchor->der_len + sizeof(for_servers));
	if (der == NULL) {
		r->bytes.failed = true;
		return false;
	}
	memcpy(der, anchor->der, anchor->der_len);
	memcpy(der + anchor->der_len, for_servers, sizeof(for_servers));
	add_string(&r->bytes, "-----BEGIN TRUSTED CERTIFICATE-----\n");
	add_base64(&r->bytes, der, anchor->der_len + sizeof(for_servers));
	add_string(&r->bytes, "-----END TRUSTED CERTIFICATE-----\n");
	free(der);
	r->added++;
	return !r->bytes.failed;
}

/* Returns false if the file can't be read, or is not text. A missing file counts as empty. */
static bool read_bundle(struct request *r)
{
	static const char begin[] = "-----BEGIN ";
	unsigned char *data = NULL;
	struct stat st;
	size_t len = 0;
	int fd, error;

	if (compat_stat(r->path, &st) != 0)
		return errno == ENOENT && r->is_default;
	/* Only regular files: data that can be read only once must be left to the program. */
	if (!S_ISREG(st.st_mode) || st.st_size > BUNDLE_MAX)
		return false;
	fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return false;
	error = io_read_file(fd, (size_t)st.st_size, BUNDLE_MAX, &data, &len);
	close(fd);
	if (error != 0)
		return false;
	r->bytes = (struct bytes){.at = (char *)data, .len = len, .room = len};
	if (memmem(data, len, begin, strlen(begin)) == NULL)
		return false;
	add_string(&r->bytes, "\n");
	return true;
}

/* Does the content that was read get the anchors? */
static bool counts(const struct request *r)
{
	return r->is_default || r->kind == BUNDLE_YES ||
	       public_pem((const unsigned char *)r->bytes.at, r->bytes.len);
}

/* Where a file without a name may be made. */
enum place { SHARED_MEMORY, MEMORY_FILE, TMP, VAR_TMP, PLACES };

/*
 * This is tried before memfd_create(), for which a seccomp filter may kill the program. It only
 * opens a file, which the program does itself.
 */
static int new_file(enum place place)
{
	enum { CLOEXEC = 1, ALLOW_SEALING = 2, NOEXEC_SEAL = 8 };
	static const char *const dirs[PLACES] = {"/dev/shm", NULL, "/tmp", "/var/tmp"};
	/*
	 * Some kernels want to know that the file will not be executed, and old ones do not accept
	 * that flag.
	 */
	int fd;

	if (dirs[place] != NULL)
		return open(dirs[place], O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
	fd = (int)syscall(SYS_memfd_create, "catrust", CLOEXEC | ALLOW_SEALING | NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = (int)syscall(SYS_memfd_create, "catrust", CLOEXEC | ALLOW_SEALING);
	return fd;
}

static bool is_same_file(int a, int b)
{
	struct stat first, second;

	return compat_fstat(a, &first) == 0 && compat_fstat(b, &second) == 0 &&
	       first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/* Opens the file behind fd again, only for reading, and replaces fd; or -1, and fd stays. */
static int reopen(int fd, int flags)
{
	char buf[40];
	struct text path = TEXT(buf);
	int again;

	text_add(&path, "/proc/self/fd/");
	text_add_uint(&path, (size_t)fd);
	again = open(buf, O_RDONLY | O_NOCTTY | flags);
	/* A thread may have its own table of descriptors. */
	if (again >= 0 && is_same_file(fd, again)) {
		close(fd);
		return again;
	}
	if (again >= 0)
		close(again);
	return -1;
}

/*
 * Makes fd look like a file that was opened for reading: read-only, at its start, and the lowest
 * free descriptor. That takes two steps. Without /proc, it is a file that can't be changed or, at
 * worst, one that could be.
 */
static int for_reading(int fd, bool cloexec)
{
	enum { ADD_SEALS = 1033, SEAL_ALL = 1 | 2 | 4 | 8 };
	int again;

	(void)fcntl(fd, ADD_SEALS, SEAL_ALL);
	again = reopen(fd, O_CLOEXEC);
	if (again >= 0) {
		fd = again;
		again = reopen(fd, cloexec ? O_CLOEXEC : 0);
		if (again >= 0)
			return again;
	}
	if (!cloexec)
		(void)fcntl(fd, F_SETFD, 0);
	(void)lseek(fd, 0, SEEK_SET);
	return fd;
}

static FILE *make_file(const struct bytes *b, const char *mode)
{
	FILE *file = NULL;

	for (enum place place = 0; file == NULL && place < PLACES; place++) {
		int fd = new_file(place);

		if (fd < 0)
			continue;
		if (io_write_quietly(fd, true, b->at, b->len)) {
			fd = for_reading(fd, strchr(mode, 'e') != NULL);
			file = fdopen(fd, mode);
		}
		if (file == NULL)
			close(fd);
	}
	return file;
}

/* Logged once for each bundle; at debug level, at every load. */
static void tell(const struct request *r, const FILE *file)
{
	static atomic_flag failed = ATOMIC_FLAG_INIT;
	static _Atomic uint64_t told;
	char added[24], left_out[24];
	struct text count = TEXT(added), rest = TEXT(left_out);
	uint64_t what = (uintptr_t)r->object.module.start ^ strlen(r->path) << 48;

	if (file == NULL) {
		if (!atomic_flag_test_and_set(&failed))
			log_line(LOG_ERROR, r->path,
				 ": can't make a memory file or a temporary file, so no "
				 "certificate is added; see CATRUST_FILES in libcatrust(7)");
		return;
	}
	text_add_uint(&count, r->added);
	text_add_uint(&rest, r->left_out);
	log_line(atomic_exchange(&told, what) == what ? LOG_DEBUG : LOG_INFO, r->path, ": ", added,
		 " certificates added for the TLS library in ",
		 r->object.is_main ? "the program itself" : r->object.path,
		 r->left_out > 0 ? "; not added, because they have a scope: " : "",
		 r->left_out > 0 ? left_out : "");
}

static FILE *answer(struct request *r, const char *mode)
{
	FILE *file = NULL;

	if (read_bundle(r) && counts(r))
		edition_each(add_anchor, r);
	if (r->added > 0 && !r->bytes.failed) {
		file = make_file(&r->bytes, mode);
		if (file != NULL)
			seen_note(seen.served, (uintptr_t)r->object.module.start);
		tell(r, file);
	}
	free(r->bytes.at);
	return file;
}

/* Does a variable name the file as the program's bundle? */
static enum bundle named_kind(const char *path)
{
	for (size_t i = 0; i < CONFIG_BUNDLES; i++)
		if (config.bundle[i] != NULL && strcmp(config.bundle[i], path) == 0)
			/* The first one is SSL_CERT_FILE, which replaces OpenSSL's default file. */
			return !config_is(SET_PUBLIC_ONLY) || i == 0 ? BUNDLE_YES
								     : BUNDLE_IF_PUBLIC;
	return BUNDLE_NO;
}

static bool is_reading(const char *mode)
{
	return mode != NULL && mode[0] == 'r' && strpbrk(mode, "+,") == NULL;
}

/* While a file is being answered, our own memory or file must not lead to another answer. */
static _Thread_local bool busy;

/*
 * The program may have changed SSL_CERT_FILE since it started. If no file is named, OpenSSL passes
 * the very string in the environment, so it has just looked there itself, and another look is not a
 * new race. A missing file counts then, as OpenSSL's own default file does.
 */
static bool is_wanted(struct request *r)
{
	const char *named = secure_getenv("SSL_CERT_FILE");

	r->is_default = named == r->path || embedded_is_default_file(&r->object, r->path);
	if (r->kind == BUNDLE_IF_NAMED && named != NULL && strcmp(named, r->path) == 0)
		r->kind = BUNDLE_YES;
	return r->is_default || r->kind != BUNDLE_IF_NAMED;
}

/* NULL: pass the call through. */
static FILE *open_bundle(const char *path, const char *mode, const void *caller, enum bundle kind)
{
	struct request r = {.path = path, .kind = kind};
	FILE *file = NULL;
	int saved_errno = errno, cancel;

	if (busy)
		return NULL;
	busy = true;
	cancel = cancel_hold();
	if (!binding_knows(caller) && object_at(caller, &r.object) &&
	    embedded_has_openssl(&r.object) && is_wanted(&r))
		file = answer(&r, mode);
	cancel_release(cancel);
	busy = false;
	errno = saved_errno;
	return file;
}

/* This takes nanoseconds for nearly all files that a program opens. */
static enum bundle kind_of(const char *path, const char *mode)
{
	enum bundle kind;

	if (!config.active || (config.set & SET_NO_FILES) != 0 || path == NULL)
		return BUNDLE_NO;
	kind = named_kind(path);
	if (kind == BUNDLE_NO)
		kind = bundles_kind(path);
	return kind == BUNDLE_NO || !is_reading(mode) || !config_active() || config_is(SET_NO_FILES)
		       ? BUNDLE_NO
		       : kind;
}

/* The real function does not move, so the first thread that finds it finds it for all. */
#define HOOK_FOPEN(name, params, args)                                                             \
	EXPORT FILE *name params                                                                   \
	{                                                                                          \
		static _Atomic(void *) known;                                                      \
		__typeof__(name) *real = NULL;                                                     \
		enum bundle kind = kind_of args;                                                   \
		FILE *file = NULL;                                                                 \
                                                                                                   \
		if (kind != BUNDLE_NO)                                                             \
			file = open_bundle(path, mode, __builtin_return_address(0), kind);         \
		if (file != NULL)                                                                  \
			return file;                                                               \
		*(void **)&real = real_function(&known, #name);                                    \
		if (real == NULL) {                                                                \
			errno = ENOSYS;                                                            \
			return NULL;                                                               \
		}                                                                                  \
		return real args;                                                                  \
	}

static void *real_function(_Atomic(void *) *known, const char *name)
{
	void *real = atomic_load_explicit(known, memory_order_acquire);
	int saved_errno = errno;

	if (real != NULL)
		return real;
	real = dl_next(name);
	/* On 64-bit Linux the two are the same; musl has the other name only for old programs. */
	if (real == NULL)
		real = dl_next("fopen");
	atomic_store_explicit(known, real, memory_order_release);
	errno = saved_errno;
	return real;
}

#include "hooks.def"
