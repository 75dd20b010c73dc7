/* SPDX-License-Identifier: Apache-2.0 */
#include "mount/cover.h"

#include "base/output.h"
#include "base/show.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* The limits for the copy of a folder: no bundle is in a larger one. */
enum { ENTRIES_MAX = 20000, BYTES_MAX = 64 << 20, CHUNK = 64 << 10 };
static const char tmpfs_options[] = "mode=0755,size=160m,nr_inodes=64k";

struct cover {
	int from, to; /* the folder below, and the copy over it */
	size_t entries, bytes;
};

/* Copies all bytes of one file to another. */
static int copy_bytes(struct cover *c, int from, int to)
{
	static char chunk[CHUNK];
	ssize_t n;

	while ((n = read(from, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		c->bytes += (size_t)n;
		if (c->bytes > BYTES_MAX) {
			errno = EFBIG;
			return -1;
		}
		if (output_all(to, chunk, (size_t)n) != 0)
			return -1;
	}
	return 0;
}

/* Copies the mode and times, too: Python compares the time of a source file. */
static int copy_file(struct cover *c, const char *name, const struct stat *st)
{
	struct timespec times[] = {st->st_atim, st->st_mtim};
	int from = openat(c->from, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), to, error;

	if (from < 0)
		return errno == EACCES || errno == ENOENT ? 0 : -1;
	to = openat(c->to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	error = to < 0 || copy_bytes(c, from, to) != 0;
	/* An ordinary user can't set the owner. */
	if (!error && fchown(to, st->st_uid, st->st_gid) != 0 && errno != EPERM && errno != EINVAL)
		error = 1;
	error = error || fchmod(to, st->st_mode & 0777) != 0 || futimens(to, times) != 0;
	close(from);
	if (to >= 0)
		close(to);
	return error ? -1 : 0;
}

static int copy_link(const struct cover *c, const char *name)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(c->from, name, target, sizeof(target) - 1);

	if (len < 0)
		return errno == ENOENT ? 0 : -1;
	target[len] = '\0';
	return symlinkat(target, c->to, name);
}

/* Binds a folder inside it: the same folder, not a copy. */
static int bind_folder(const struct cover *c, const char *name)
{
	char from[64], to[64];
	int fd = openat(c->from, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), over, error;

	if (fd < 0)
		return errno == EACCES || errno == ENOENT ? 0 : -1;
	over = mkdirat(c->to, name, 0755) == 0
		       ? openat(c->to, name, O_PATH | O_DIRECTORY | O_CLOEXEC)
		       : -1;
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	snprintf(to, sizeof(to), "/proc/self/fd/%d", over);
	error = over < 0 || mount(from, to, NULL, MS_BIND | MS_REC, NULL) != 0;
	close(fd);
	if (over >= 0)
		close(over);
	return error ? -1 : 0;
}

static struct cover_file *find(const struct cover_files *files, const char *name)
{
	for (size_t i = 0; i < files->count; i++)
		if (strcmp(files->file[i].name, name) == 0)
			return &files->file[i];
	return NULL;
}

bool cover_has(const struct cover_files *files, const char *name)
{
	return find(files, name) != NULL;
}

struct cover_file *cover_file(struct cover_files *files, const char *name)
{
	struct cover_file *found = find(files, name), *grown;

	if (found != NULL)
		return found;
	if (files->count == files->room) {
		grown = realloc(files->file, (files->room + 64) * sizeof(*grown));
		if (grown == NULL)
			return NULL;
		files->file = grown;
		files->room += 64;
	}
	found = &files->file[files->count++];
	*found = (struct cover_file){.data = NULL};
	snprintf(found->name, sizeof(found->name), "%s", name);
	return found;
}

bool cover_append(struct cover_file *file, BIO *text)
{
	char *bytes = NULL, *grown;
	long len = BIO_get_mem_data(text, &bytes);

	if (len <= 0)
		return false;
	grown = realloc(file->data, file->len + (size_t)len);
	if (grown == NULL)
		return false;
	memcpy(grown + file->len, bytes, (size_t)len);
	file->data = grown;
	file->len += (size_t)len;
	return true;
}

void cover_files_clear(struct cover_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->file[i].data);
	free(files->file);
	*files = (struct cover_files){NULL, 0, 0};
}

static int copy_entry(struct cover *c, const char *name)
{
	struct stat st;

	if (++c->entries > ENTRIES_MAX) {
		errno = E2BIG;
		return -1;
	}
	if (fstatat(c->from, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -1;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(c, name, &st);
	case S_IFLNK:
		return copy_link(c, name);
	case S_IFDIR:
		return bind_folder(c, name);
	default:
		return 0; /* not a certificate */
	}
}

static int copy_all(struct cover *c, const struct cover_files *files)
{
	int fd = openat(c->from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = 0, saved;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	/* cppcheck-suppress readdirCalled; glibc deprecates readdir_r */
	for (errno = 0; error == 0 && (entry = readdir(dir)) != NULL; errno = 0)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    !cover_has(files, entry->d_name))
			error = copy_entry(c, entry->d_name);
	if (error == 0 && errno != 0)
		error = -1;
	saved = errno;
	closedir(dir);
	errno = saved;
	return error;
}

static int put_file(const struct cover *c, const struct cover_file *file)
{
	const char *slash = strchr(file->name, '/');
	char folder[NAME_MAX + 1];
	int fd, error;

	if (slash != NULL) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - file->name), file->name);
		if (mkdirat(c->to, folder, 0755) != 0 && errno != EEXIST)
			return -1;
	}
	fd = openat(c->to, file->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	error = output_all(fd, file->data, file->len) != 0 || fchmod(fd, 0644) != 0;
	close(fd);
	return error ? -1 : 0;
}

static int fill(struct cover *c, enum cover_rest rest, const struct cover_files *files)
{
	if (rest == COVER_KEEP_REST && copy_all(c, files) != 0)
		return -1;
	for (size_t i = 0; i < files->count; i++)
		if (put_file(c, &files->file[i]) != 0)
			return -1;
	return 0;
}

/*
 * Mounts a tmpfs over c->from and sets c->to. Works with descriptors: a user who can rename parts
 * of the path must not choose what is covered. Anything still in parent's file system is not the
 * tmpfs.
 */
static int mount_over(struct cover *c, int parent, const char *name)
{
	struct stat above, over;
	char path[64];

	c->from = openat(parent, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (c->from < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", c->from);
	if (mount("catrust", path, "tmpfs", MS_NOSUID | MS_NODEV, tmpfs_options) != 0)
		return -1;
	c->to = openat(parent, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (c->to < 0 || fstat(parent, &above) != 0 || fstat(c->to, &over) != 0)
		return -1;
	if (above.st_dev != over.st_dev)
		return 0;
	errno = EBUSY;
	return -1;
}

static int make_read_only(const struct cover *c)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", c->to);
	return mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL);
}

int cover_folder(const char *folder, enum cover_rest rest, const struct cover_files *files,
		 struct reason *why)
{
	const char *name = strrchr(folder, '/') + 1;
	struct cover c = {.from = -1, .to = -1};
	char above[PATH_MAX], shown[SHOW_MAX];
	int parent, error;

	snprintf(above, sizeof(above), "%.*s", (int)(name - folder), folder);
	parent = open(above, O_PATH | O_DIRECTORY | O_CLOEXEC);
	error = parent < 0 || mount_over(&c, parent, name) != 0 || fill(&c, rest, files) != 0 ||
		make_read_only(&c) != 0;
	if (error)
		reason_set(
			why,
			"%s can't be covered by a copy with the CAs in it: %s; catrust-run --env "
			"sets variables instead",
			show_text(folder, shown), strerror(errno));
	if (parent >= 0)
		close(parent);
	if (c.from >= 0)
		close(c.from);
	if (c.to >= 0)
		close(c.to);
	return error ? -1 : 0;
}

bool cover_is_hashed(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	bool found = false;

	/* cppcheck-suppress readdirCalled; glibc deprecates readdir_r */
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL)
		found = strspn(entry->d_name, "0123456789abcdef") == 8 && entry->d_name[8] == '.' &&
			entry->d_name[9] != '\0' &&
			entry->d_name[9 + strspn(entry->d_name + 9, "0123456789")] == '\0';
	if (dir != NULL)
		closedir(dir);
	return found;
}
