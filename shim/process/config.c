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
_Static_assert(VARIABLES == BUNDLES + CONFIG_BUNDLES - 1, "config.h has room for the bundles");

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

static bool is(const char *value, const char *word)
{
	return value != NULL && strcmp(value, word) == 0;
}

static enum log_level level_of(const char *value)
{
	if (is(value, "off"))
		return LOG_OFF;
	if (is(value, "info"))
		return LOG_INFO;
	return is(value, "debug") ? LOG_DEBUG : LOG_ERROR;
}

/*
 * The settings of the file in one word of bits, so that threads that read the file at once agree
 * without a lock: the first one publishes. 0: it has not been read.
 */
enum {
	FILE_READ = 1 << 0,
	FILE_FAILED = 1 << 1, /* never published: the file can't be read at the moment */
	FILE_OFF = 1 << 2,
	FILE_PUBLIC = 1 << 3,
	FILE_RELAX = 1 << 4,
	FILE_NO_FILES = 1 << 5,
	FILE_NO_SHARE = 1 << 6,
	FILE_HAS_LEVEL = 1 << 7,
	FILE_LEVEL = 8, /* the first bit of an enum log_level */
	FILE_EAGER = 1 << 10,
};

struct reading_of_file {
	unsigned bits;
	bool excluded;
	char where[128]; /* the line of the first problem */
	const char *problem;
};

static unsigned bits_of(enum setting setting, const char *value)
{
	switch (setting) {
	case SETTING_DISABLE:
		return is_on(value) ? FILE_OFF : 0;
	case SETTING_LOG:
		return FILE_HAS_LEVEL | (unsigned)level_of(value) << FILE_LEVEL;
	case SETTING_CONTEXTS:
		return is(value, "public") ? FILE_PUBLIC : 0;
	case SETTING_STRICT:
		return is(value, "relax") ? FILE_RELAX : 0;
	case SETTING_FILES:
		return is(value, "off") ? FILE_NO_FILES : 0;
	case SETTING_SHARE:
		return is(value, "off") ? FILE_NO_SHARE : is(value, "eager") ? FILE_EAGER : 0;
	default:
		return 0;
	}
}

/* If a setting has several lines, the last one counts. */
static void take_setting(void *arg, enum setting setting, const char *value)
{
	static const unsigned all[SETTINGS] = {
		[SETTING_DISABLE] = FILE_OFF,	  [SETTING_LOG] = 3U << FILE_LEVEL,
		[SETTING_CONTEXTS] = FILE_PUBLIC, [SETTING_STRICT] = FILE_RELAX,
		[SETTING_FILES] = FILE_NO_FILES,  [SETTING_SHARE] = FILE_NO_SHARE | FILE_EAGER,
	};
	struct reading_of_file *r = arg;

	if ((config.given & 1U << setting) == 0)
		r->bits = (r->bits & ~all[setting]) | bits_of(setting, value);
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
		r.bits |= FILE_OFF;
	if (atomic_compare_exchange_strong(&file_bits, &published, r.bits)) {
		published = r.bits;
		if (r.problem != NULL && (r.bits & FILE_OFF) == 0)
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
	return config.active && (of_file() & (FILE_OFF | FILE_FAILED)) == 0;
}

bool config_disabled(void)
{
	return config.disabled || (of_file() & FILE_OFF) != 0;
}

bool config_public_only(void)
{
	return config.public_only || (of_file() & FILE_PUBLIC) != 0;
}

bool config_share(void)
{
	return config.share && (of_file() & FILE_NO_SHARE) == 0;
}

bool config_share_on_demand(void)
{
	return config.share_on_demand && (of_file() & (FILE_NO_SHARE | FILE_EAGER)) == 0;
}

bool config_relax_strict(void)
{
	return config.relax_strict || (of_file() & FILE_RELAX) != 0;
}

bool config_files(void)
{
	return config.files && (of_file() & FILE_NO_FILES) == 0;
}

enum log_level config_log_level(void)
{
	unsigned bits = of_file();

	return (bits & FILE_HAS_LEVEL) != 0 ? (enum log_level)(bits >> FILE_LEVEL & 3)
					    : config.log_level;
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

	if (getauxval(AT_SECURE) != 0) {
		config.sources.privileged = true;
		config.log_level = LOG_ERROR;
		config.files = true;
		config.share = true;
		config.share_on_demand = true;
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
	config.log_level = level_of(value[LOG]);
	config.log_file = absolute(value[LOG_FILE]);
	config.log_json = is(value[LOG_FORMAT], "json");
	if (has_relative_path(value[DIRS])) {
		config.sources.cwd = absolute(".");
		if (config.sources.cwd == NULL)
			config.sources.cwd = "/nowhere";
	}
	config.public_only = is(value[CONTEXTS], "public");
	config.relax_strict = is(value[STRICT], "relax");
	config.files = !is(value[FILES], "off");
	config.share = !is(value[SHARE], "off");
	config.share_on_demand = config.share && !is(value[SHARE], "eager");
	config.default_bundle = value[BUNDLES] != NULL;
	for (int i = BUNDLES, count = 0; i < VARIABLES; i++)
		if (value[i] != NULL)
			config.bundle[count++] = value[i];
	for (unsigned i = 0; i < SETTINGS; i++)
		config.given |= value[variable[i]] != NULL ? 1U << i : 0;
	config.disabled = is_on(value[DISABLE]);
	config.active = !config.disabled;
}
