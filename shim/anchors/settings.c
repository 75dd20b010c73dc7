/* SPDX-License-Identifier: Apache-2.0 */
#include "anchors/settings.h"

#include "anchors/owner.h"
#include "libc/compat.h"
#include "libc/io.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/auxv.h>

/* Arrays, not pointers, so that nothing needs relocation at start-up. */
static const struct {
	char name[20];
	struct {
		char text[8];
		unsigned bits;
	} value[4];
} table[SETTINGS] = {
	[SETTING_DISABLE] = {"CATRUST_DISABLE", {{"0", 0}, {"1", SET_OFF}}},
	[SETTING_LOG] = {"CATRUST_LOG",
			 {{"off", SET_LOG},
			  {"error", SET_LOG << 1},
			  {"info", SET_LOG << 2},
			  {"debug", SET_LOG << 3}}},
	[SETTING_CONTEXTS] = {"CATRUST_CONTEXTS", {{"all", 0}, {"public", SET_PUBLIC_ONLY}}},
	[SETTING_STRICT] = {"CATRUST_STRICT", {{"keep", 0}, {"relax", SET_RELAX}}},
	[SETTING_FILES] = {"CATRUST_FILES", {{"on", 0}, {"off", SET_NO_FILES}}},
	[SETTING_SHARE] = {"CATRUST_SHARE",
			   {{"on", 0}, {"off", SET_NO_SHARE}, {"eager", SET_EAGER}}},
};

const char *settings_name(enum setting setting)
{
	return table[setting].name;
}

bool settings_apply(enum setting setting, const char *value, unsigned *bits)
{
	unsigned set = 0;
	bool known = false;

	for (size_t i = 0; i < 4 && table[setting].value[i].text[0] != '\0'; i++) {
		*bits &= ~table[setting].value[i].bits;
		if (strcmp(table[setting].value[i].text, value) == 0) {
			set = table[setting].value[i].bits;
			known = true;
		}
	}
	*bits |= set;
	return known;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Removes white space at both ends. */
static char *trim(char *text)
{
	size_t len;

	while (is_space(*text))
		text++;
	len = strlen(text);
	while (len > 0 && is_space(text[len - 1]))
		text[--len] = '\0';
	return text;
}

static const char *take_setting(const char *name, const char *value,
				const struct settings_sink *sink)
{
	for (int i = 0; i < SETTINGS; i++) {
		unsigned bits = 0;

		if (strcmp(table[i].name, name) != 0)
			continue;
		if (!settings_apply((enum setting)i, value, &bits))
			return "the setting does not have this value";
		sink->set(sink->arg, (enum setting)i, value);
		return NULL;
	}
	return "there is no such setting";
}

/* What is wrong with the line, or NULL. */
static const char *take_line(char *line, const struct settings_sink *sink)
{
	char *name = trim(line), *value;

	if (name[0] == '\0' || name[0] == '#')
		return NULL;
	value = strchr(name, '=');
	if (value == NULL)
		return "the line is not of the form NAME=VALUE";
	*value++ = '\0';
	name = trim(name);
	value = trim(value);
	if (strcmp(name, "exclude") != 0)
		return take_setting(name, value, sink);
	if (value[0] != '/')
		return "exclude= needs the full path of a program, or of a folder with a slash at "
		       "the end";
	sink->exclude(sink->arg, value);
	return NULL;
}

static void take_all(char *text, size_t len, const struct settings_sink *sink)
{
	char *end;

	text[len] = '\0';
	for (size_t number = 1; *text != '\0'; number++, text = end) {
		const char *problem;

		end = strchr(text, '\n');
		if (end == NULL)
			end = text + strlen(text);
		else
			*end++ = '\0';
		problem = take_line(text, sink);
		if (problem != NULL)
			sink->problem(sink->arg, number, problem);
	}
}

/* A user who may write to it decides what the programs of all users do. */
static const char *mistrust(int fd, const struct stat *st, bool privileged)
{
	if (!S_ISREG(st->st_mode))
		return "ignored, because it is not a regular file";
	if (st->st_uid != 0 && (privileged || owner_mistrust_entry(st, NULL) != NULL) &&
	    !owner_is_the_systems(fd, st))
		return "ignored, because it does not belong to root";
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return "ignored, because other users may write to it: chmod go-w";
	return st->st_size > SETTINGS_MAX_FILE ? "ignored, because it is larger than 8 KiB" : NULL;
}

static bool may_pass(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM || error == EIO ||
	       error == EINTR || error == EAGAIN;
}

bool settings_read(const char *path, bool privileged, const struct settings_sink *sink)
{
	char buf[SETTINGS_MAX_FILE + 1];
	const char *problem = NULL;
	bool result = true;
	struct stat st;
	ssize_t len;
	/* O_NONBLOCK: a FIFO must not block the program. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		/* A seccomp filter returns EPERM or ENOSYS. */
		if (errno == EACCES || errno == ELOOP)
			sink->problem(sink->arg, 0, "ignored, because this user may not read it");
		return !may_pass(errno);
	}
	if (compat_fstat(fd, &st) != 0) {
		result = false;
		goto out;
	}
	problem = mistrust(fd, &st, privileged);
	len = problem != NULL ? 0 : io_read_all(fd, buf, SETTINGS_MAX_FILE);
	if (len < 0)
		result = false;
	else if (problem != NULL)
		sink->problem(sink->arg, 0, problem);
	else if (memchr(buf, '\0', (size_t)len) != NULL)
		sink->problem(sink->arg, 0, "ignored, because it is not text");
	else
		take_all(buf, (size_t)len, sink);
out:
	close(fd);
	return result;
}

/* Is the program of this process, as the kernel names it, below folder? */
static bool is_below(const char *folder)
{
	char exe[PATH_MAX];
	ssize_t len = syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", exe, sizeof(exe));
	const char *name = (const char *)getauxval(AT_EXECFN); /* if there is no /proc */
	size_t n = strlen(folder);

	if (len > 0)
		return (size_t)len > n && memcmp(exe, folder, n) == 0;
	return name != NULL && strncmp(name, folder, n) == 0;
}

bool settings_is_self(const char *path)
{
	const char *name = (const char *)getauxval(AT_EXECFN);
	struct stat self, other;

	if (path[strlen(path) - 1] == '/')
		return is_below(path);
	if (compat_stat("/proc/self/exe", &self) != 0)
		return name != NULL && strcmp(name, path) == 0;
	return compat_stat(path, &other) == 0 && self.st_dev == other.st_dev &&
	       self.st_ino == other.st_ino;
}
