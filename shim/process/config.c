/* SPDX-License-Identifier: Apache-2.0 */
#include "process/config.h"

#include "anchors/text.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

struct config config;

/* The variables that are read: those of the bundles last. */
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

/* The names, one after the other: an array of pointers would be relocated in every process. */
#define NAME(id, name) name "\0"
static const char names[] = FOR_EACH(NAME);

/* Copies. Almost always they fit here, so that a process that never uses TLS does not malloc. */
static char copies[2048];
static size_t copies_len;

static const char *copy_of(const char *value)
{
	/* strlen() and memcpy() by hand, and so that the compiler does not see it: to bind one
	 * costs a process more than all of this. */
	const volatile char *from = value;
	size_t size = 0;
	char *copy;

	if (value[0] == '\0')
		return NULL; /* empty counts as unset */
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

/* Relative paths mean what they meant when the program was started. */
static bool has_relative_path(const char *list)
{
	for (bool start = true; list != NULL && *list != '\0'; list++) {
		if (start && *list != '/' && *list != ':')
			return true;
		start = *list == ':';
	}
	return false;
}

/* A path that can't be made absolute is no path: it would name something else some time. */
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

/* May it be one of the names? What most environments have is told by its first letters. */
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

/* The value behind a name and '=', where entry is that; NULL otherwise. *name goes on to the next.
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

/* The first of a name counts, as for getenv(). */
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

/* All that happens in a process that never uses TLS. */
__attribute__((constructor)) static void snapshot(void)
{
	const char *value[VARIABLES] = {NULL};

	if (getauxval(AT_SECURE) != 0) {
		config.sources.privileged = true;
		config.log_level = LOG_ERROR;
		config.files = true;
		config.share = true;
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
	config.default_bundle = value[BUNDLES] != NULL;
	for (int i = BUNDLES, count = 0; i < VARIABLES; i++)
		if (value[i] != NULL)
			config.bundle[count++] = value[i];
	config.disabled = is_on(value[DISABLE]);
	config.active = !config.disabled;
}
