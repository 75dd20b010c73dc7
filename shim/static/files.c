/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file layer, for an OpenSSL that is linked statically into a program or a module: no hook sees
 * its functions, but it reads its bundle through the C library's fopen(). Of a bundle of public CAs
 * it gets one that also has the anchors.
 *
 * They are TRUSTED CERTIFICATE blocks with serverAuth as their only purpose, the same mark as
 * elsewhere, so a server that loads a public bundle for its clients lets no one in by them. A scope
 * can't be said there: an anchor that has one is left out.
 *
 * A shared libcrypto reads the file as it is: its stores get the anchors by the hooks. So do all
 * who read it for something else.
 */
#include "anchors/bundles.h"
#include "anchors/compat.h"
#include "anchors/text.h"
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
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))

enum { BUNDLE_MAX = TRUSTDIR_MAX_FILE, ANCHORS_MAX = 8 << 20, CHUNK = 1 << 16 };

/* Bytes that grow. */
struct bytes {
	char *at;
	size_t len, room;
	bool failed; /* too many, or out of memory */
};

/* One fopen() that is to be answered. */
struct request {
	const char *path;
	enum bundle kind;
	bool is_default; /* what the OpenSSL in object takes if no file is named */
	struct object object;
	struct bytes bytes;
	size_t added, left_out; /* anchors */
};

static void add(struct bytes *b, const void *data, size_t len)
{
	if (len > b->room - b->len) {
		size_t room = b->room * 2 + len + 4096;
		char *bigger = room > BUNDLE_MAX + ANCHORS_MAX ? NULL : realloc(b->at, room);

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

/* false if the file can't be read, or is not text. A file that is not there counts as empty. */
static bool read_bundle(struct request *r)
{
	static const char begin[] = "-----BEGIN ";
	struct stat st;
	char *buf = NULL;
	ssize_t n = -1;
	int fd;

	if (compat_stat(r->path, &st) != 0)
		return errno == ENOENT && r->is_default;
	/* Only files: what can be read once only is the program's alone. */
	if (!S_ISREG(st.st_mode) || st.st_size > BUNDLE_MAX)
		return false;
	fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return false;
	buf = malloc(CHUNK);
	while (buf != NULL && !r->bytes.failed && (n = read(fd, buf, CHUNK)) > 0)
		add(&r->bytes, buf, (size_t)n);
	free(buf);
	close(fd);
	if (n != 0 || r->bytes.failed ||
	    memmem(r->bytes.at, r->bytes.len, begin, strlen(begin)) == NULL)
		return false;
	add_string(&r->bytes, "\n");
	return true;
}

/* Is what was read a bundle that gets the anchors? */
static bool counts(const struct request *r)
{
	return r->is_default || r->kind == BUNDLE_YES ||
	       public_pem((const unsigned char *)r->bytes.at, r->bytes.len);
}

/* Where a file without a name may be made. */
enum place { SHARED_MEMORY, MEMORY_FILE, TMP, VAR_TMP, PLACES };

/*
 * Ahead of memfd_create(), for which a seccomp filter may kill the program, a file that is opened:
 * the program does that itself.
 */
static int new_file(enum place place)
{
	enum { CLOEXEC = 1, ALLOW_SEALING = 2, NOEXEC_SEAL = 8 };
	static const char *const dirs[PLACES] = {"/dev/shm", NULL, "/tmp", "/var/tmp"};
	/* A kernel may want to be told that it will not be executed, and an old one can't be. */
	int fd;

	if (dirs[place] != NULL)
		return open(dirs[place], O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
	fd = (int)syscall(SYS_memfd_create, "catrust", CLOEXEC | ALLOW_SEALING | NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = (int)syscall(SYS_memfd_create, "catrust", CLOEXEC | ALLOW_SEALING);
	return fd;
}

static bool write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return false;
		data += n < 0 ? 0 : n;
		len -= n < 0 ? 0 : (size_t)n;
	}
	return true;
}

/* Where the program may write no large files, the signal for trying is not its own. */
static bool write_quietly(int fd, const struct bytes *b)
{
	const struct timespec at_once = {0, 0};
	sigset_t mine, before, pending;
	bool ok;

	sigemptyset(&mine);
	sigaddset(&mine, SIGXFSZ);
	sigprocmask(SIG_BLOCK, &mine, &before);
	/* Only what was blocked can be waiting. Else that is not asked: a seccomp filter may kill.
	 */
	sigemptyset(&pending);
	if (sigismember(&before, SIGXFSZ) == 1)
		sigpending(&pending);
	ok = write_all(fd, b->at, b->len);
	if (!ok && errno == EFBIG && !sigismember(&pending, SIGXFSZ))
		while (sigtimedwait(&mine, NULL, &at_once) < 0 && errno == EINTR)
			;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ok;
}

static bool is_same_file(int a, int b)
{
	struct stat first, second;

	return compat_fstat(a, &first) == 0 && compat_fstat(b, &second) == 0 &&
	       first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/* The file behind fd once more, for reading only, in place of fd; or -1, and fd stays. */
static int reopen(int fd, int flags)
{
	char buf[40];
	struct text path = TEXT(buf);
	int again;

	text_add(&path, "/proc/self/fd/");
	text_add_uint(&path, (size_t)fd);
	again = open(buf, O_RDONLY | O_NOCTTY | flags);
	/* A thread may have descriptors of its own. */
	if (again >= 0 && is_same_file(fd, again)) {
		close(fd);
		return again;
	}
	if (again >= 0)
		close(again);
	return -1;
}

/*
 * fd as a file that is opened for reading is: read-only, at its start, and the lowest descriptor,
 * which takes two steps. Without /proc, it is one that can't be changed or, at worst, one that
 * could.
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
		if (write_quietly(fd, b)) {
			fd = for_reading(fd, strchr(mode, 'e') != NULL);
			file = fdopen(fd, mode);
		}
		if (file == NULL)
			close(fd);
	}
	return file;
}

/* Once for each bundle; at every load for those who look for a fault. */
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
				 ": no memory file and no temporary file can be made, so no "
				 "certificate is added; see CATRUST_FILES in libcatrust(7)");
		return;
	}
	text_add_uint(&count, r->added);
	text_add_uint(&rest, r->left_out);
	log_line(atomic_exchange(&told, what) == what ? LOG_DEBUG : LOG_INFO, r->path, ": ", added,
		 " certificates added for the TLS library in ",
		 r->object.is_main ? "the program itself" : r->object.path,
		 r->left_out > 0 ? "; left out, as they have a scope: " : "",
		 r->left_out > 0 ? left_out : "");
}

static FILE *answer(struct request *r, const char *mode)
{
	FILE *file = NULL;

	if (!read_bundle(r) || !counts(r))
		goto out;
	edition_each(add_anchor, r);
	if (r->bytes.failed || (r->added == 0 && r->left_out == 0))
		goto out;
	if (r->added > 0)
		file = make_file(&r->bytes, mode);
	if (file != NULL)
		seen_note(seen.served, (uintptr_t)r->object.module.start);
	if (r->added > 0)
		tell(r, file);
out:
	free(r->bytes.at);
	return file;
}

/* Does a variable name the file as the program's bundle? */
static enum bundle named_kind(const char *path)
{
	for (size_t i = 0; i < CONFIG_BUNDLES && config.bundle[i] != NULL; i++)
		if (strcmp(config.bundle[i], path) == 0)
			/* The first is OpenSSL's default, as if it had no other. */
			return !config_public_only() || (i == 0 && config.default_bundle)
				       ? BUNDLE_YES
				       : BUNDLE_IF_PUBLIC;
	return BUNDLE_NO;
}

static bool is_reading(const char *mode)
{
	return mode != NULL && mode[0] == 'r' && strpbrk(mode, "+,") == NULL;
}

/* In a request: memory or a file of our own must not lead to another. */
static _Thread_local bool busy;

/*
 * The program may have changed SSL_CERT_FILE since it was started. OpenSSL hands over the very
 * string in the environment if no file is named, so it has just looked there itself: to look
 * once more is no new race. A file that is not there counts then, as does its own default one.
 */
static bool is_wanted(struct request *r)
{
	const char *named = secure_getenv("SSL_CERT_FILE");

	r->is_default = named == r->path || embedded_is_default_file(&r->object, r->path);
	if (r->kind == BUNDLE_IF_NAMED && named != NULL && strcmp(named, r->path) == 0)
		r->kind = BUNDLE_YES;
	return r->is_default || r->kind != BUNDLE_IF_NAMED;
}

/* NULL: the call is to be passed through. */
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

/* Nanoseconds, for nearly all that a program opens. */
static enum bundle kind_of(const char *path, const char *mode)
{
	enum bundle kind;

	if (!config.active || !config.files || path == NULL)
		return BUNDLE_NO;
	kind = config.bundle[0] == NULL ? BUNDLE_NO : named_kind(path);
	if (kind == BUNDLE_NO)
		kind = bundles_kind(path);
	return kind == BUNDLE_NO || !is_reading(mode) || !config_active() || !config_files()
		       ? BUNDLE_NO
		       : kind;
}

/* The real function stays where it is, so the thread that finds it first finds it for all. */
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
	/* On 64-bit Linux the same; musl has the other name for old programs' sake only. */
	if (real == NULL)
		real = dl_next("fopen");
	atomic_store_explicit(known, real, memory_order_release);
	errno = saved_errno;
	return real;
}

#include "hooks.def"
