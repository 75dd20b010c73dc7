/* SPDX-License-Identifier: Apache-2.0 */
#include "env/envsweep.h"

#include "env/envbundle.h"
#include "program/procfile.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { KEEP_SECONDS = 30 * 24 * 3600, STALE_MAX = 500, STEM = ENVBUNDLE_STEM_SIZE - 1 };

struct stale {
	struct {
		char name[NAME_MAX + 1];
		bool used;
	} file[STALE_MAX];
	size_t count;
};

/* Is it one of catrust's bundles, or an unfinished one that was left behind? */
static bool is_ours(const char *name)
{
	size_t prefix = strlen(ENVBUNDLE_PREFIX), len = strlen(name);

	if (name[0] == '.')
		return len > 4 && strcmp(name + len - 4, ".tmp") == 0;
	return strncmp(name, ENVBUNDLE_PREFIX, prefix) == 0 &&
	       strspn(name + prefix, "0123456789abcdef") == STEM - prefix &&
	       (strcmp(name + STEM, ENVBUNDLE_PEM) == 0 ||
		strcmp(name + STEM, ENVBUNDLE_PKCS12) == 0);
}

static bool is_stale(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       st.st_uid == geteuid() && time(NULL) - st.st_mtime > KEEP_SECONDS;
}

static void find_stale(int dir, struct stale *s)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (d == NULL && fd >= 0)
		close(fd);
	/* cppcheck-suppress readdirCalled; glibc deprecates readdir_r */
	while (d != NULL && s->count < STALE_MAX && (entry = readdir(d)) != NULL)
		if (is_ours(entry->d_name) && is_stale(dir, entry->d_name))
			memcpy(s->file[s->count++].name, entry->d_name, strlen(entry->d_name));
	if (d != NULL)
		closedir(d);
}

/* Any text may precede a name: Java's options may have quotes in a path. */
static void note_used(struct stale *s, const char *text, size_t len)
{
	const char *at = text, *end = text + len;

	while ((at = memmem(at, (size_t)(end - at), ENVBUNDLE_PREFIX, strlen(ENVBUNDLE_PREFIX))) !=
	       NULL) {
		for (size_t i = 0; i < s->count && end - at >= STEM; i++)
			s->file[i].used = s->file[i].used || memcmp(at, s->file[i].name, STEM) == 0;
		at++;
	}
}

/* Returns whether /proc can be read. */
static bool look_at_processes(struct stale *s)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	bool self = false;

	/* cppcheck-suppress readdirCalled; glibc deprecates readdir_r */
	while (proc != NULL && (entry = readdir(proc)) != NULL) {
		char *end, *text;
		long pid = strtol(entry->d_name, &end, 10);
		size_t len = 0;

		if (pid <= 0 || *end != '\0')
			continue;
		text = procfile_read((pid_t)pid, "environ", &len);
		if (text != NULL)
			note_used(s, text, len);
		free(text);
		self = self || (pid == getpid() && text != NULL);
	}
	if (proc != NULL)
		closedir(proc);
	return self;
}

void envsweep(int dir)
{
	struct stale *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return;
	find_stale(dir, s);
	if (s->count > 0 && look_at_processes(s))
		for (size_t i = 0; i < s->count; i++) {
			const char *name = s->file[i].name;

			if (s->file[i].used)
				utimensat(dir, name, NULL, AT_SYMLINK_NOFOLLOW);
			else if (is_stale(dir, name))
				unlinkat(dir, name, 0);
		}
	free(s);
}
