/* SPDX-License-Identifier: Apache-2.0 */
#include "process/config.h"

#include "libc/text.h"
#include "process/cancel.h"
#include "process/log.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

struct config config;

/* The variables that are read; those that name bundles come last. */
#define FOR_EACH(X)                                                                                \
	X(DIRS, "CATRUST_DIR")                                                                     \
	X(PEM, "CATRUST_PEM")                                                                      \
	X(DISABLE, "CATRUST_DISABLE")                                                              \
	X(LOG, "CATRUST_LOG")                                                                      \
	X(LOG_FILE, "CATRUST_LOG_FILE")                                                            \
	X(LOG_FORMAT, "CATRUST_LOG_FORMAT")                                                        \
	X(ALLOW_WRITABLE, "CATRUST_ALLOW_WRITABLE")                                                \
	X(CONTEXTS, "CATRUST_CONTEXTS")                                                            \
	X(STRICT, "CATRUST_STRICT")                                                                \
	X(FILES, "CATRUST_FILES")                                                                  \
	X(SHARE, "CATRUST_SHARE")                                                                  \
	X(HOME, "HOME")                                                                            \
	X(XDG, "XDG_CONFIG_HOME")                                                                  \
	X(BUNDLES, "SSL_CERT_FILE")                                                                \
	X(NIX, "NIX_SSL_CERT_FILE")                                                                \
	X(REQUESTS, "REQUESTS_CA_BUNDLE")                                                          \
	X(CURL, "CURL_CA_BUNDLE")                                                                  \
	X(PIP, "PIP_CERT")                                                                         \
	X(AWS, "AWS_CA_BUNDLE")                                                                    \
	X(GIT, "GIT_SSL_CAINFO")                                                                   \
	X(GRPC, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH")                                                \
	X(HTTPLIB2, "HTTPLIB2_CA_CERTS")                                                           \
	X(WEBSOCKET, "WEBSOCKET_CLIENT_CA_BUNDLE")

#define IDENTIFIER(id, name) id,
enum variable { FOR_EACH(IDENTIFIER) VARIABLES };
_Static_assert(VARIABLES == BUNDLES + CONFIG_BUNDLES, "config.h has room for the bundles");

/* The names, one after the other. An array of pointers would need relocation in every process. */
#define NAME(id, name) name "\0"
static const char names[] = FOR_EACH(NAME);

/*
 * Copies of the values. They almost always fit here, so that a process that never uses TLS does not
 * call malloc.
 */
static char copies[2048];
static size_t copies_len;

static const char *copy_of(const char *value)
{
	/*
	 * strlen() and memcpy() by hand, written so that the compiler does not recognize them. To
	 * bind one of these functions would cost a process more than all of this code.
	 */
	const volatile char *from = value;
	size_t size = 0;
	char *copy;

	if (value[0] == '\0')
		return NULL; /* an empty variable counts as unset */
	while (from[size++] != '\0')
		;
	if (size <= sizeof(copies) - copies_len) {
		copy = copies + copies_len;
		copies_len += size;
	} else {
		copy = malloc(size);
		if (copy == NULL)
			return NULL;
	}
	for (size_t i = 0; i < size; i++)
		copy[i] = from[i];
	return copy;
}

/* Relative paths are relative to the directory in which the program was started. */
static bool has_relative_path(const char *list)
{
	for (bool start = true; list != NULL && *list != '\0'; list++) {
		if (start && *list != '/' && *list != ':')
			return true;
		start = *list == ':';
	}
	return false;
}

/* A path that can't be made absolute is dropped, because it could name something else later. */
static const char *absolute(const char *path)
{
	char buf[PATH_MAX];
	struct text whole = TEXT(buf);

	if (path == NULL || path[0] == '/')
		return path;
	if (getcwd(buf, sizeof(buf)) == NULL)
		return NULL;
	whole.len = strlen(buf);
	text_add(&whole, "/");
	text_add(&whole, path);
	return whole.len + 1 == whole.size ? NULL : copy_of(buf);
}

static bool is_on(const char *value)
{
	return value != NULL && strcmp(value, "0") != 0;
}

/*
 * The settings of the file in one word of bits (settings.h), so that threads that read the file at
 * once agree without a lock: the first one publishes. 0: it has not been read.
 */
enum {
	FILE_READ = 1 << 30,
	FILE_FAILED = 1 << 29, /* never published: the file can't be read at the moment */
};

struct reading_of_file {
	unsigned bits;
	bool excluded;
	char where[128]; /* the line of the first problem */
	const char *problem;
};

/* If a setting has several lines, the last one counts. */
static void take_setting(void *arg, enum setting setting, const char *value)
{
	struct reading_of_file *r = arg;

	if ((config.given & 1U << setting) == 0)
		settings_apply(setting, value, &r->bits);
}

static void take_exclude(void *arg, const char *path)
{
	struct reading_of_file *r = arg;

	r->excluded = r->excluded || settings_is_self(path);
}

static void take_problem(void *arg, size_t line, const char *reason)
{
	struct reading_of_file *r = arg;
	struct text where = TEXT(r->where);

	if (r->problem != NULL)
		return;
	r->problem = reason;
	text_add(&where, SETTINGS_PATH ": ");
	if (line > 0) {
		text_add(&where, "line ");
		text_add_uint(&where, line);
		text_add(&where, ": ");
	}
}

static atomic_uint file_bits;

/* Not inlined, so that later calls do not need its space on the stack. */
__attribute__((noinline)) static unsigned read_file(void)
{
	struct reading_of_file r = {.bits = FILE_READ};
	const struct settings_sink sink = {take_setting, take_exclude, take_problem, &r};
	int saved_errno = errno, cancel = cancel_hold();
	unsigned published = 0;
	bool ok = settings_read(SETTINGS_PATH, config.sources.privileged, &sink);

	cancel_release(cancel);
	if (!ok) {
		errno = saved_errno;
		return FILE_FAILED;
	}
	if (r.excluded)
		r.bits |= SET_OFF;
	if (atomic_compare_exchange_strong(&file_bits, &published, r.bits)) {
		published = r.bits;
		if (r.problem != NULL && (r.bits & SET_OFF) == 0)
			log_line(LOG_ERROR, r.where, r.problem);
	}
	errno = saved_errno;
	return published;
}

static unsigned of_file(void)
{
	unsigned bits = atomic_load_explicit(&file_bits, memory_order_relaxed);

	/* Under the kill switch the library makes no system call. */
	return bits != 0 || !config.active ? bits : read_file();
}

bool config_active(void)
{
	return config.active && !config_is(SET_OFF | FILE_FAILED);
}

bool config_is(unsigned bits)
{
	return ((config.set | of_file()) & bits) != 0;
}

enum log_level config_log_level(void)
{
	unsigned level = (config.set | of_file()) / SET_LOG & 15;

	return level != 0 ? (enum log_level)__builtin_ctz(level) : config.log_level;
}

/* Could it be one of the names? The first letters rule out most of what an environment has. */
static bool may_be_one(const char *entry)
{
	switch (entry[0]) {
	case 'A':
		return entry[1] == 'W';
	case 'C':
		return entry[1] == 'A' || entry[1] == 'U';
	case 'G':
		return entry[1] == 'I' || entry[1] == 'R';
	case 'H':
		return entry[1] == 'O' || entry[1] == 'T';
	case 'N':
		return entry[1] == 'I';
	case 'P':
		return entry[1] == 'I';
	case 'R':
		return entry[1] == 'E';
	case 'S':
		return entry[1] == 'S' && entry[2] == 'L';
	case 'W':
		return entry[1] == 'E';
	case 'X':
		return entry[1] == 'D' && entry[4] == 'C';
	default:
		return false;
	}
}

/*
 * The value, if entry is the name followed by '='; NULL otherwise. *name goes on to the next name.
 */
static const char *value_of(const char *entry, const char **name)
{
	const volatile char *at = *name;

	for (; *at != '\0' && *at == *entry; at++)
		entry++;
	if (*at == '\0' && *entry == '=') {
		*name = (const char *)(uintptr_t)at + 1;
		return entry + 1;
	}
	while (*at != '\0')
		at++;
	*name = (const char *)(uintptr_t)at + 1;
	return NULL;
}

/* If a name occurs twice, the first counts, as for getenv(). */
static void take(const char *entry, const char *value[VARIABLES])
{
	const char *name = names;

	for (int i = 0; i < VARIABLES; i++) {
		const char *found = value_of(entry, &name);

		if (found != NULL) {
			if (value[i] == NULL)
				value[i] = copy_of(found);
			return;
		}
	}
}

/* This is all that happens in a process that never uses TLS. */
__attribute__((constructor)) static void snapshot(void)
{
	static const unsigned char variable[SETTINGS] = {
		[SETTING_DISABLE] = DISABLE, [SETTING_LOG] = LOG,     [SETTING_CONTEXTS] = CONTEXTS,
		[SETTING_STRICT] = STRICT,   [SETTING_FILES] = FILES, [SETTING_SHARE] = SHARE,
	};
	const char *value[VARIABLES] = {NULL};

	config.log_level = LOG_ERROR;
	if (getauxval(AT_SECURE) != 0) {
		config.sources.privileged = true;
		config.active = true;
		return;
	}
	for (char **entry = environ; entry != NULL && *entry != NULL; entry++)
		if (may_be_one(*entry))
			take(*entry, value);
	config.sources.dirs = value[DIRS];
	config.sources.pem = value[PEM];
	config.sources.home = value[HOME];
	config.sources.xdg = value[XDG];
	config.sources.allow_writable = is_on(value[ALLOW_WRITABLE]);
	config.log_file = absolute(value[LOG_FILE]);
	config.log_json = value[LOG_FORMAT] != NULL && strcmp(value[LOG_FORMAT], "json") == 0;
	if (has_relative_path(value[DIRS])) {
		config.sources.cwd = absolute(".");
		if (config.sources.cwd == NULL)
			config.sources.cwd = "/nowhere";
	}
	for (int i = 0; i < CONFIG_BUNDLES; i++)
		config.bundle[i] = value[BUNDLES + i];
	for (unsigned i = 0; i < SETTINGS; i++)
		if (value[variable[i]] != NULL) {
			config.given |= 1U << i;
			settings_apply((enum setting)i, value[variable[i]], &config.set);
		}
	/* Any value but 0 disables. */
	if (is_on(value[DISABLE]))
		config.set |= SET_OFF;
	config.active = !is_on(value[DISABLE]);
}
