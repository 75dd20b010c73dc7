/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

struct config config;

enum variable {
	DIRS,
	PEM,
	DISABLE,
	LOG,
	LOG_FILE,
	LOG_FORMAT,
	ALLOW_WRITABLE,
	CONTEXTS,
	STRICT,
	FILES,
	HOME,
	XDG,
	BUNDLES, /* from here on */
	VARIABLES = BUNDLES + CONFIG_BUNDLES - 1,
};

static const char *const names[VARIABLES] = {
	[DIRS] = "CATRUST_DIR",
	[PEM] = "CATRUST_PEM",
	[DISABLE] = "CATRUST_DISABLE",
	[LOG] = "CATRUST_LOG",
	[LOG_FILE] = "CATRUST_LOG_FILE",
	[LOG_FORMAT] = "CATRUST_LOG_FORMAT",
	[ALLOW_WRITABLE] = "CATRUST_ALLOW_WRITABLE",
	[CONTEXTS] = "CATRUST_CONTEXTS",
	[STRICT] = "CATRUST_STRICT",
	[FILES] = "CATRUST_FILES",
	[HOME] = "HOME",
	[XDG] = "XDG_CONFIG_HOME",
	"SSL_CERT_FILE",
	"NIX_SSL_CERT_FILE",
	"REQUESTS_CA_BUNDLE",
	"CURL_CA_BUNDLE",
	"PIP_CERT",
	"AWS_CA_BUNDLE",
	"GIT_SSL_CAINFO",
	"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
	"HTTPLIB2_CA_CERTS",
	"WEBSOCKET_CLIENT_CA_BUNDLE",
};

/* Copies. Almost always they fit here, so that a process that never uses TLS does not malloc. */
static char copies[2048];
static size_t copies_len;

static const char *copy_of(const char *value)
{
	size_t size = strlen(value) + 1;
	char *copy;

	if (value[0] == '\0')
		return NULL; /* empty counts as unset */
	if (size <= sizeof(copies) - copies_len) {
		copy = copies + copies_len;
		copies_len += size;
	} else {
		copy = malloc(size);
		if (copy == NULL)
			return NULL;
	}
	return memcpy(copy, value, size);
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

/* The letters that the names begin with. */
static bool may_be_one(char first)
{
	switch (first) {
	case 'A':
	case 'C':
	case 'G':
	case 'H':
	case 'N':
	case 'P':
	case 'R':
	case 'S':
	case 'W':
	case 'X':
		return true;
	default:
		return false;
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
		config.active = true;
		return;
	}
	for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
		char first = (*entry)[0];

		if (!may_be_one(first))
			continue;
		for (int i = 0; i < VARIABLES; i++) {
			size_t len;

			if (names[i][0] != first || value[i] != NULL)
				continue;
			len = strlen(names[i]);
			if (strncmp(*entry, names[i], len) == 0 && (*entry)[len] == '=')
				value[i] = copy_of(*entry + len + 1);
		}
	}
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
	config.default_bundle = value[BUNDLES] != NULL;
	for (int i = BUNDLES, count = 0; i < VARIABLES; i++)
		if (value[i] != NULL)
			config.bundle[count++] = value[i];
	config.disabled = is_on(value[DISABLE]);
	config.active = !config.disabled;
}
