/* SPDX-License-Identifier: Apache-2.0 */
#include "trustdir.h"

#include "certfile.h"
#include "compat.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <time.h>

/* Everything that a reading allocates lives and dies with it. */
struct block {
	struct block *next;
	max_align_t data[];
};

/* How a file or directory looked when it was read; all zero where it could not be. */
struct trustdir_watch {
	const char *path;
	dev_t dev;
	ino_t ino;
	off_t size;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec mtime, ctime;
	bool unsettled; /* changed so lately that another change may bear the same time */
};

/* What is handed out, first, and what it stands on. */
struct reading {
	struct anchors out;
	struct block *blocks;
	size_t anchor_room, problem_room, watch_room;
	size_t files;
	size_t copies;	/* noted */
	size_t errors;	/* problems of TRUSTDIR_ERROR */
	dev_t root_dev; /* of the root directory at that time */
	ino_t root_ino;
	const struct trustdir_sources *sources;
	bool shared;		   /* others may write to the directory that is being read */
	const struct scope *scope; /* of the directory that is being read; NULL: every name */
	bool no_memory;
};

static void *keep(struct reading *r, const void *data, size_t len)
{
	struct block *block = malloc(sizeof(*block) + len);

	if (block == NULL) {
		r->no_memory = true;
		return NULL;
	}
	block->next = r->blocks;
	r->blocks = block;
	return memcpy(block->data, data, len);
}

/* Room for one more in an array; NULL and no_memory where there is none. */
static void *grow(struct reading *r, void *array, size_t count, size_t *room, size_t size)
{
	void *bigger;

	if (count < *room)
		return array;
	/* No overflow: every caller has a bound of a few thousand. */
	bigger = realloc(array, (*room + *room / 2 + 16) * size);
	if (bigger == NULL) {
		r->no_memory = true;
		return NULL;
	}
	*room += *room / 2 + 16;
	return bigger;
}

static void add_problem(struct reading *r, enum trustdir_level level, const struct text *line)
{
	struct trustdir_problem *problems;
	const char *text;

	if (level == TRUSTDIR_ERROR)
		r->errors++;
	if (r->out.problem_count == TRUSTDIR_MAX_PROBLEMS) {
		r->out.problems_lost++;
		return;
	}
	problems =
		grow(r, r->out.problem, r->out.problem_count, &r->problem_room, sizeof(*problems));
	if (problems == NULL)
		return;
	r->out.problem = problems;
	text = keep(r, line->buf, line->len + 1);
	if (text != NULL)
		problems[r->out.problem_count++] = (struct trustdir_problem){level, text};
}

/* Of a longer path, its beginning; escaped, it must still fit a line of the log with the reason. */
enum { PATH_SHOWN = 900 };

static void add_shown(struct text *line, const char *path)
{
	size_t len = strlen(path);

	text_add_n(line, path, len > PATH_SHOWN ? PATH_SHOWN : len);
	if (len > PATH_SHOWN)
		text_add(line, "...");
}

static void add_path_problem(struct reading *r, enum trustdir_level level, const char *path,
			     const char *reason)
{
	char buf[PATH_SHOWN + 256];
	struct text line = TEXT(buf);

	add_shown(&line, path);
	text_add(&line, ": ");
	text_add(&line, reason);
	add_problem(r, level, &line);
}

static const char *why(int error)
{
	switch (error) {
	case ENOENT:
		return "no such file or directory";
	case EACCES:
	case EPERM:
		return "permission denied";
	case ELOOP:
		return "too many levels of symbolic links";
	case ENOTDIR:
		return "not a directory";
	case ENXIO:
		return "not a regular file, skipped";
	case EMFILE:
	case ENFILE:
		return "too many open files";
	case EIO:
		return "input/output error";
	default:
		return "cannot be read";
	}
}

/* File systems stamp with the kernel's clock tick, up to 10 ms; some network ones with a second. */
static bool is_recent(const struct timespec *when)
{
	struct timespec now;

	/* A time stamp of the future is no news. */
	return clock_gettime(CLOCK_REALTIME, &now) == 0 && now.tv_sec - when->tv_sec >= 0 &&
	       now.tv_sec - when->tv_sec <= 2;
}

static struct trustdir_watch watch_of(const char *path, const struct stat *st)
{
	if (st == NULL)
		return (struct trustdir_watch){.path = path};
	return (struct trustdir_watch){.path = path,
				       .dev = st->st_dev,
				       .ino = st->st_ino,
				       .size = st->st_size,
				       .mode = st->st_mode,
				       .uid = st->st_uid,
				       .gid = st->st_gid,
				       .mtime = st->st_mtim,
				       .ctime = st->st_ctim,
				       .unsettled = is_recent(&st->st_ctim)};
}

/* st: of the opened file, so that nothing slips in between; NULL where it could not be opened. */
static void watch(struct reading *r, const char *path, const struct stat *st)
{
	struct trustdir_watch *all =
		grow(r, r->out.watch, r->out.watch_count, &r->watch_room, sizeof(*all));
	const char *copy = keep(r, path, strlen(path) + 1);

	if (all != NULL)
		r->out.watch = all;
	if (all != NULL && copy != NULL)
		all[r->out.watch_count++] = watch_of(copy, st);
}

static bool is_missing(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

static bool has_changed(const struct trustdir_watch *before)
{
	struct stat st;
	bool there = compat_stat(before->path, &st) == 0;
	struct trustdir_watch now = watch_of(before->path, there ? &st : NULL);

	if (!there && !is_missing(errno))
		return false;
	return before->unsettled || now.dev != before->dev || now.ino != before->ino ||
	       now.size != before->size || now.mode != before->mode || now.uid != before->uid ||
	       now.gid != before->gid || now.mtime.tv_sec != before->mtime.tv_sec ||
	       now.mtime.tv_nsec != before->mtime.tv_nsec ||
	       now.ctime.tv_sec != before->ctime.tv_sec ||
	       now.ctime.tv_nsec != before->ctime.tv_nsec;
}

bool trustdir_changed(const struct anchors *anchors)
{
	const struct reading *r = (const struct reading *)anchors;
	struct stat root;

	/* A program that has locked itself in keeps what it trusted outside, as it keeps a bundle.
	 */
	if (compat_stat("/", &root) != 0 || root.st_dev != r->root_dev ||
	    root.st_ino != r->root_ino)
		return false;
	for (size_t i = 0; i < anchors->watch_count; i++)
		if (has_changed(&anchors->watch[i]))
			return true;
	return false;
}

/*
 * Is what the group's bits allow for nobody but root's group, or a user's own group (same number,
 * as useradd makes them)? Where there is an ACL, those bits are what it allows anybody at most.
 */
static bool has_own_group(int fd, const struct stat *st)
{
	if (st->st_gid != 0 && (st->st_gid != st->st_uid || st->st_uid < 1000))
		return false;
	return fgetxattr(fd, "system.posix_acl_access", NULL, 0) < 0;
}

/* Whoever may write to a file or folder of trust may become anybody. */
static const char *mistrust(int fd, const struct stat *st)
{
	bool sticky_dir = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0;
	struct statvfs fs;

	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "skipped, since it is owned by neither root nor the current user";
	if (sticky_dir)
		return NULL;
	if ((st->st_mode & S_IWOTH) == 0 && ((st->st_mode & S_IWGRP) == 0 || has_own_group(fd, st)))
		return NULL;
	/* Kubernetes mounts ConfigMaps and Secrets with mode 0777, but read-only. */
	if (fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0)
		return NULL;
	return "skipped, since others may write to it: chmod go-w, or set CATRUST_ALLOW_WRITABLE=1";
}

/* One file on its way through certfile_parse(). */
struct file {
	struct reading *reading;
	const char *path;
	size_t problems; /* told so far */
	bool full;
	bool has_lost_scope;
};

static struct anchor *find_anchor(const struct anchors *a, const unsigned char *der, size_t len)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->anchor[i].der_len == len && memcmp(a->anchor[i].der, der, len) == 0)
			return &a->anchor[i];
	return NULL;
}

static bool has_scope(const struct anchor *a, const struct scope *scope)
{
	for (const struct scope_list *l = a->scopes; l != NULL; l = l->next)
		if (scope_equal(&l->scope, scope))
			return true;
	return false;
}

/* One more directory has the certificate: scopes add up, and no scope is all of them. */
static bool widen(struct file *f, struct anchor *a)
{
	const struct scope_list more = {.next = a->scopes};
	struct reading *r = f->reading;
	struct scope_list *kept;
	size_t count = 0;

	if (a->scopes == NULL || r->scope == NULL) {
		a->scopes = NULL;
		return true;
	}
	if (has_scope(a, r->scope))
		return true;
	for (const struct scope_list *l = a->scopes; l != NULL; l = l->next)
		count++;
	if (count == TRUSTDIR_MAX_SCOPES) {
		f->has_lost_scope = true;
		return true;
	}
	kept = keep(r, &more, sizeof(more));
	if (kept == NULL)
		return false;
	kept->scope = *r->scope;
	a->scopes = kept;
	return true;
}

/* One more file has the certificate; a second time in the same file is no matter. */
static bool note_copy(struct reading *r, struct anchor *a, const char *file)
{
	const struct anchor_copy copy = {file, a->copies};
	const char *last = a->copies == NULL ? a->file : a->copies->file;

	if (strcmp(last, file) == 0 || r->copies == TRUSTDIR_MAX_ANCHORS)
		return true;
	a->copies = keep(r, &copy, sizeof(copy));
	r->copies++;
	return a->copies != NULL;
}

static bool same_scopes(const struct anchor *a, const struct anchor *b)
{
	if ((a->scopes == NULL) != (b->scopes == NULL))
		return false;
	for (const struct scope_list *l = a->scopes; l != NULL; l = l->next)
		if (!has_scope(b, &l->scope))
			return false;
	for (const struct scope_list *l = b->scopes; l != NULL; l = l->next)
		if (!has_scope(a, &l->scope))
			return false;
	return true;
}

bool trustdir_same(const struct anchors *a, const struct anchors *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct anchor *other = find_anchor(b, a->anchor[i].der, a->anchor[i].der_len);

		if (other == NULL || !same_scopes(&a->anchor[i], other))
			return false;
	}
	return true;
}

static bool file_cert(void *arg, const unsigned char *der, size_t len, struct certfile_place place)
{
	struct file *f = arg;
	struct reading *r = f->reading;
	struct anchor *anchors = find_anchor(&r->out, der, len);
	const unsigned char *copy;

	if (anchors != NULL)
		return widen(f, anchors) && note_copy(r, anchors, f->path);
	if (r->out.count == TRUSTDIR_MAX_ANCHORS) {
		f->full = true;
		return true;
	}
	anchors = grow(r, r->out.anchor, r->out.count, &r->anchor_room, sizeof(*anchors));
	if (anchors == NULL)
		return false;
	r->out.anchor = anchors;
	copy = keep(r, der, len);
	if (copy == NULL)
		return false;
	anchors[r->out.count] = (struct anchor){
		.der = copy, .der_len = len, .file = f->path, .line = place.is_line ? place.at : 0};
	if (r->scope != NULL) {
		struct scope_list *only =
			keep(r, &(struct scope_list){.next = NULL}, sizeof(*only));

		if (only == NULL)
			return false;
		only->scope = *r->scope;
		anchors[r->out.count].scopes = only;
	}
	r->out.count++;
	return true;
}

/* The first problem of a file is for the user; a torn bundle would otherwise fill the screen. */
static void file_problem(void *arg, struct certfile_place place, const char *reason)
{
	struct file *f = arg;
	char buf[PATH_SHOWN + 256];
	struct text line = TEXT(buf);

	add_shown(&line, f->path);
	text_add(&line, place.is_line ? ": line " : ": byte ");
	text_add_uint(&line, place.at);
	text_add(&line, ": ");
	text_add(&line, reason);
	add_problem(f->reading, f->problems++ == 0 ? TRUSTDIR_ERROR : TRUSTDIR_INFO, &line);
}

static bool no_cert(void *arg, const unsigned char *der, size_t len, struct certfile_place place)
{
	(void)arg;
	(void)der;
	(void)len;
	(void)place;
	return true;
}

static void no_problem(void *arg, struct certfile_place place, const char *reason)
{
	(void)arg;
	(void)place;
	(void)reason;
}

static void parse(struct reading *r, const char *path, const unsigned char *data, size_t len)
{
	static const struct certfile_sink dry = {no_cert, no_problem, NULL};
	struct file f = {.reading = r, .path = keep(r, path, strlen(path) + 1)};
	struct certfile_sink sink = {file_cert, file_problem, &f};

	if (f.path == NULL)
		return;
	/* A file that is refused must not have widened the scope of an anchor. */
	if (certfile_parse(data, len, &dry) == -E2BIG) {
		add_path_problem(r, TRUSTDIR_ERROR, path,
				 "skipped, since it has more than 1000 certificates");
		return;
	}
	certfile_parse(data, len, &sink);
	if (f.full) {
		add_path_problem(r, TRUSTDIR_ERROR, path,
				 "certificates beyond the first 4096 of all files are ignored");
	}
	if (f.has_lost_scope) {
		add_path_problem(r, TRUSTDIR_ERROR, path,
				 "a certificate in it has 64 scopes already, and gets no more");
	}
}

/* Reads to the end of the file, at most TRUSTDIR_MAX_FILE bytes. 0 or a negative errno. */
static int read_all(int fd, size_t expected, unsigned char **ret, size_t *ret_len)
{
	size_t room = expected + 1, len = 0;
	unsigned char *data = NULL;

	for (;;) {
		ssize_t got;

		if (data == NULL || len == room) {
			unsigned char *bigger;

			if (data != NULL)
				room += room / 2 + 4096;
			if (room > TRUSTDIR_MAX_FILE + 1)
				room = TRUSTDIR_MAX_FILE + 1;
			bigger = realloc(data, room);
			if (bigger == NULL) {
				free(data);
				return -ENOMEM;
			}
			data = bigger;
		}
		got = read(fd, data + len, room - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || len + (size_t)got > TRUSTDIR_MAX_FILE) {
			int error = got < 0 ? -errno : -EFBIG;

			free(data);
			return error;
		}
		if (got == 0)
			break;
		len += (size_t)got;
	}
	*ret = data;
	*ret_len = len;
	return 0;
}

/* fd: an open file, closed here. */
static void read_file(struct reading *r, int fd, const struct stat *st, const char *path)
{
	unsigned char *data = NULL;
	size_t len = 0;
	const char *reason;
	int error;

	watch(r, path, st);
	if (!S_ISREG(st->st_mode)) {
		add_path_problem(r, TRUSTDIR_ERROR, path, "not a regular file, skipped");
		goto out;
	}
	reason = r->sources->allow_writable ? NULL : mistrust(fd, st);
	if (reason != NULL) {
		add_path_problem(r, TRUSTDIR_ERROR, path, reason);
		goto out;
	}
	if (st->st_size > TRUSTDIR_MAX_FILE) {
		add_path_problem(r, TRUSTDIR_ERROR, path, "skipped, since it is larger than 8 MiB");
		goto out;
	}
	if (r->files == TRUSTDIR_MAX_FILES) {
		add_path_problem(r, TRUSTDIR_ERROR, path,
				 "skipped, as are all files after the first 1000");
		r->files++;
		goto out;
	}
	if (r->files++ > TRUSTDIR_MAX_FILES)
		goto out;
	error = read_all(fd, (size_t)st->st_size, &data, &len);
	if (error == -ENOMEM)
		r->no_memory = true;
	else if (error == -EFBIG)
		add_path_problem(r, TRUSTDIR_ERROR, path, "skipped, since it is larger than 8 MiB");
	else if (error < 0)
		add_path_problem(r, TRUSTDIR_ERROR, path, why(-error));
	else
		parse(r, path, data, len);
out:
	free(data);
	close(fd);
}

bool trustdir_name_counts(const char *name)
{
	static const char *const endings[] = {".pem", ".crt", ".cer", ".der", ".p7b", ".p7c"};
	size_t len = strlen(name);

	if (name[0] == '.' || len < 5)
		return false;
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		if (strcasecmp(name + len - 4, endings[i]) == 0)
			return true;
	return false;
}

/* O_NONBLOCK: a FIFO must not stop the program. It changes nothing for a file. */
enum { READ_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

static bool is_directory(struct reading *r, int dir, const char *dir_path,
			 const struct dirent *entry)
{
	char buf[PATH_MAX];
	struct text path = TEXT(buf);
	int fd;

	if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
		return entry->d_type == DT_DIR;
	fd = openat(dir, entry->d_name, READ_FLAGS | O_DIRECTORY);
	if (fd < 0 && errno == ENOENT) {
		/* A link to what is not there: it may become a scope. */
		text_add(&path, dir_path);
		text_add(&path, "/");
		text_add(&path, entry->d_name);
		watch(r, buf, NULL);
	}
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static void read_directory(struct reading *r, int fd, const struct stat *st, const char *path);

/* A subdirectory: its name is the scope of what lies in it. */
static void read_scoped(struct reading *r, int fd, const struct stat *st, const char *path)
{
	struct scope scope;

	if (r->scope != NULL) {
		add_path_problem(r, TRUSTDIR_ERROR, path,
				 "skipped, since a scoped directory cannot have another one");
		close(fd);
	} else if (trustdir_name_counts(strrchr(path, '/') + 1)) {
		/* A slip, not a scope: no domain ends in these. */
		add_path_problem(r, TRUSTDIR_ERROR, path, "a directory, not a file, skipped");
		watch(r, path, st);
		close(fd);
	} else if (scope_parse(strrchr(path, '/') + 1, &scope) != 0) {
		add_path_problem(
			r, TRUSTDIR_ERROR, path,
			"neither a domain nor a range of addresses (corp.example, 10.0.0.0_8): "
			"its certificates are trusted for nothing");
		watch(r, path, st);
		close(fd);
	} else {
		r->scope = &scope;
		read_directory(r, fd, st, path);
		r->scope = NULL;
	}
}

/*
 * In a sticky directory, others can add links to what is trusted for something else. What is
 * against an entry of it, or NULL; found: the entry itself, not what it leads to.
 */
static const char *mistrust_entry(int dir, const char *name, struct stat *found)
{
	if (compat_lstatat(dir, name, found) != 0)
		return why(errno);
	return found->st_uid == 0 || found->st_uid == geteuid()
		       ? NULL
		       : "skipped, since it is owned by neither root nor the current user";
}

/* Is it still the same one? Another may have been there for the moment in which it was opened. */
static const char *mistrust_opened(int dir, const char *name, const struct stat *before)
{
	struct stat now;
	const char *reason = mistrust_entry(dir, name, &now);

	if (reason == NULL && (now.st_dev != before->st_dev || now.st_ino != before->st_ino))
		reason = "skipped, since it is being replaced";
	return reason;
}

static void read_entry(struct reading *r, int dir, const char *dir_path, const char *name)
{
	bool shared = r->shared && !r->sources->allow_writable;
	const char *reason = NULL;
	char buf[PATH_MAX];
	struct text path = TEXT(buf);
	struct stat st = {.st_mode = 0}, entry;
	int fd;

	text_add(&path, dir_path);
	text_add(&path, "/");
	text_add(&path, name);
	if (shared)
		reason = mistrust_entry(dir, name, &entry);
	if (reason != NULL) {
		add_path_problem(r, TRUSTDIR_ERROR, buf, reason);
		return;
	}
	fd = openat(dir, name, READ_FLAGS);
	if (fd < 0 || compat_fstat(fd, &st) != 0)
		reason = why(errno);
	else if (shared)
		reason = mistrust_opened(dir, name, &entry);
	if (reason != NULL) {
		add_path_problem(r, TRUSTDIR_ERROR, buf, reason);
		watch(r, buf, NULL);
		if (fd >= 0)
			close(fd);
	} else if (S_ISDIR(st.st_mode)) {
		read_scoped(r, fd, &st, buf);
	} else {
		read_file(r, fd, &st, buf);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * In the order of names, so that two machines with the same files do the same. fd: the open
 * directory, closed here.
 */
static void read_directory(struct reading *r, int fd, const struct stat *st, const char *path)
{
	const char *reason = r->sources->allow_writable ? NULL : mistrust(fd, st);
	enum { NAMES_MAX = 50000 };
	char **names = NULL;
	size_t count = 0, room = 0;
	struct dirent *entry;
	DIR *dir;

	watch(r, path, st);
	if (reason != NULL) {
		add_path_problem(r, TRUSTDIR_ERROR, path, reason);
		close(fd);
		return;
	}
	dir = fdopendir(fd);
	if (dir == NULL) {
		close(fd);
		add_path_problem(r, TRUSTDIR_ERROR, path, why(errno));
		return;
	}
	/* cppcheck-suppress readdirCalled ; only this thread has dir */
	while (!r->no_memory && (entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;
		char **bigger;

		if (name[0] == '.' ||
		    (!trustdir_name_counts(name) && !is_directory(r, dirfd(dir), path, entry)))
			continue;
		/* The first by name are read, so all must be known; but a million is a mistake. */
		if (count == NAMES_MAX)
			break;
		bigger = grow(r, names, count, &room, sizeof(*names));
		if (bigger == NULL)
			break;
		names = bigger;
		names[count] = keep(r, name, strlen(name) + 1);
		if (names[count] != NULL)
			count++;
	}
	if (count > 1)
		qsort(names, count, sizeof(*names), by_name);
	for (size_t i = 0; i < count && !r->no_memory; i++) {
		r->shared = (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;
		read_entry(r, dirfd(dir), path, names[i]);
	}
	free(names);
	closedir(dir);
}

/* How a path came to be one: what its absence means. */
enum origin {
	NAMED,	/* by CATRUST_DIR: it should be there */
	SYSTEM, /* the default: may be missing */
	USER,	/* as SYSTEM; HOME may be somebody else's (sudo -u): may be out of reach */
};

static void read_path(struct reading *r, const char *path, enum origin origin)
{
	struct stat st;
	int fd;

	if (strlen(path) >= PATH_MAX - 1) {
		/* It may have been cut off, and then names something else. */
		add_path_problem(r, TRUSTDIR_ERROR, path, "too long a path, skipped");
		return;
	}
	fd = open(path, READ_FLAGS);
	if (fd < 0 || compat_fstat(fd, &st) != 0) {
		bool normal = (origin != NAMED && is_missing(errno)) ||
			      (origin == USER && errno == EACCES);

		add_path_problem(r, normal ? TRUSTDIR_INFO : TRUSTDIR_ERROR, path, why(errno));
		watch(r, path, NULL);
		if (fd >= 0)
			close(fd);
	} else if (S_ISDIR(st.st_mode)) {
		read_directory(r, fd, &st, path);
	} else {
		read_file(r, fd, &st, path);
	}
}

static bool is_set(const char *value)
{
	return value != NULL && value[0] != '\0';
}

/* The user's own directory; false where there is no home. */
static bool user_path(const struct trustdir_sources *s, struct text *path)
{
	/* The XDG specification: a relative path counts as unset. */
	if (is_set(s->xdg) && s->xdg[0] == '/') {
		text_add(path, s->xdg);
		text_add(path, "/" TRUSTDIR_USER);
	} else if (is_set(s->home) && s->home[0] == '/') {
		text_add(path, s->home);
		text_add(path, "/.config/" TRUSTDIR_USER);
	}
	return path->len > 0;
}

/* Takes the next element off a colon-separated list, empty ones passed over; false at its end. */
static bool next_path(const struct trustdir_sources *s, const char **list, struct text *path)
{
	size_t len;

	while (**list == ':')
		(*list)++;
	len = strcspn(*list, ":");
	if (len > 0 && **list != '/' && s->cwd != NULL) {
		text_add(path, s->cwd);
		text_add(path, "/");
	}
	text_add_n(path, *list, len);
	*list += len;
	return len > 0;
}

static void read_sources(struct reading *r)
{
	const struct trustdir_sources *s = r->sources;
	char buf[PATH_MAX];
	struct text path = TEXT(buf);
	const char *list = s->dirs;

	if (s->privileged) {
		read_path(r, TRUSTDIR_SYSTEM, SYSTEM);
		return;
	}
	if (is_set(list)) {
		for (; next_path(s, &list, &path); path = TEXT(buf))
			read_path(r, buf, NAMED);
	} else {
		read_path(r, TRUSTDIR_SYSTEM, SYSTEM);
		if (user_path(s, &path))
			read_path(r, buf, USER);
	}
	if (is_set(s->pem))
		parse(r, "CATRUST_PEM", (const unsigned char *)s->pem, strlen(s->pem));
	/* A trust shim that silently does nothing is worse than none. */
	if (r->out.count == 0 && r->errors == 0 && is_set(s->dirs))
		add_path_problem(r, TRUSTDIR_ERROR, s->dirs,
				 "no certificate there, so nothing is added");
}

int trustdir_read(const struct trustdir_sources *sources, struct anchors **ret)
{
	struct reading *r = calloc(1, sizeof(*r));
	struct stat root;

	if (r == NULL)
		return -ENOMEM;
	r->sources = sources;
	if (compat_stat("/", &root) == 0) {
		r->root_dev = root.st_dev;
		r->root_ino = root.st_ino;
	}
	read_sources(r);
	r->sources = NULL;
	if (r->no_memory) {
		trustdir_free(&r->out);
		return -ENOMEM;
	}
	*ret = &r->out;
	return 0;
}

void trustdir_free(struct anchors *anchors)
{
	struct reading *r = (struct reading *)anchors;

	if (r == NULL)
		return;
	while (r->blocks != NULL) {
		struct block *next = r->blocks->next;

		free(r->blocks);
		r->blocks = next;
	}
	free(r->out.anchor);
	free(r->out.problem);
	free(r->out.watch);
	free(r);
}

struct bundle_search {
	bool (*is_one)(void *arg, const unsigned char *der, size_t len);
	void *arg;
	bool found;
};

static bool bundle_cert(void *arg, const unsigned char *der, size_t len,
			struct certfile_place place)
{
	struct bundle_search *s = arg;

	(void)place;
	s->found = s->found || s->is_one(s->arg, der, len);
	return !s->found; /* stop */
}

bool trustdir_file_has(const char *path,
		       bool (*is_one)(void *arg, const unsigned char *der, size_t len), void *arg)
{
	struct bundle_search search = {is_one, arg, false};
	const struct certfile_sink sink = {bundle_cert, no_problem, &search};
	unsigned char *data = NULL;
	size_t len = 0;
	struct stat st;
	int fd = open(path, READ_FLAGS);

	if (fd < 0)
		return false;
	if (compat_fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= TRUSTDIR_MAX_FILE &&
	    read_all(fd, (size_t)st.st_size, &data, &len) == 0)
		certfile_parse_all(data, len, &sink);
	free(data);
	close(fd);
	return search.found;
}

int trustdir_first(const struct trustdir_sources *sources, bool root, char *buf, size_t size)
{
	struct text path = {buf, size, 0};
	const char *list = sources->dirs;

	buf[0] = '\0';
	if (is_set(list))
		next_path(sources, &list, &path);
	else if (root)
		text_add(&path, TRUSTDIR_SYSTEM);
	else
		user_path(sources, &path);
	if (path.len == 0)
		return -ENOENT;
	return path.len + 1 == size ? -ENAMETOOLONG : 0;
}
