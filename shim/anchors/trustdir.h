/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TRUSTDIR_H
#define CATRUST_TRUSTDIR_H

#include "anchors/scope.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Trust directories to trust anchors. No OpenSSL and no global state: the shim and the tool share
 * it. The rules are those of catrust(1), "Trust directories".
 */

enum {
	TRUSTDIR_MAX_FILE = 8 << 20,   /* bytes of one file */
	TRUSTDIR_MAX_ENTRIES = 50000,  /* entries of all directories together, of whatever name */
	TRUSTDIR_MAX_FILES = 1000,     /* files of all directories together */
	TRUSTDIR_MAX_BYTES = 64 << 20, /* of all files together */
	TRUSTDIR_MAX_ANCHORS = 4096,   /* certificates of all files together */
	TRUSTDIR_MAX_SCOPES = 64,      /* of one certificate */
	TRUSTDIR_MAX_PROBLEMS = 100,   /* lines kept for the user; the rest is counted */
};

/* The default directories. The second one is below $XDG_CONFIG_HOME, or ~/.config. */
#define TRUSTDIR_SYSTEM "/etc/catrust/ca.d"
#define TRUSTDIR_USER "catrust/ca.d"

struct trustdir_sources {
	const char
		*dirs; /* CATRUST_DIR: directories or files, colon-separated; NULL: the defaults */
	const char *pem;  /* CATRUST_PEM: PEM text, or NULL */
	const char *home; /* HOME, or NULL */
	const char *xdg;  /* XDG_CONFIG_HOME, or NULL */
	const char *cwd;  /* what relative directories are relative to; NULL: the current directory.
			     A program that changes it must not change what it trusts */
	bool privileged;  /* AT_SECURE: only TRUSTDIR_SYSTEM counts, whatever else is set */
	bool allow_writable; /* CATRUST_ALLOW_WRITABLE=1 */
	const uid_t *user;   /* the user who started the program; NULL: this program's */
};

/* Scopes of one anchor: a certificate in several scoped directories may vouch for all of them. */
struct scope_list {
	struct scope scope;
	const struct scope_list *next;
};

/* Another file that holds the same certificate. */
struct anchor_copy {
	const char *file;
	const struct anchor_copy *next;
};

/* One certificate that the user trusts. */
struct anchor {
	const unsigned char *der;
	size_t der_len;
	const char *file;		 /* where it comes from: a path, or "CATRUST_PEM" */
	size_t line;			 /* of the file, from 1; 0 if the file is not text */
	const struct scope_list *scopes; /* NULL: every name */
	const struct anchor_copy *copies;
};

enum trustdir_level {
	TRUSTDIR_ERROR, /* the user must fix it */
	TRUSTDIR_INFO,	/* worth knowing when looking for a fault */
};

/* One line for the user: "file: line 3: reason". Unescaped: file names are the file system's. */
struct trustdir_problem {
	enum trustdir_level level;
	const char *text;
};

struct anchors {
	struct anchor *anchor; /* each certificate once, in the order of directories and names */
	size_t count;
	struct trustdir_problem *problem;
	size_t problem_count;
	size_t problems_lost; /* not in the array: too many, or one stands for all */
	bool moved;	      /* a directory changed each time it was read: this may be a mixture */
	bool unsteady;	      /* moved, or something could not be read for now: read again soon */
};

/*
 * Reads all sources. A bad file or directory becomes a problem in *ret; all others still count.
 * Returns 0 and *ret, to be freed with trustdir_free(), or -ENOMEM and no *ret, or -EAGAIN if the
 * process has another root directory than at the reading before.
 *
 * before: an earlier reading, or NULL. It stays the caller's.
 * - Files that look as they did then are not read again.
 * - A file that can't be read for now (no descriptors, no memory, an I/O error) counts as it did
 *   before, as long as it exists. A file that may no longer be read (EACCES), that belongs to
 *   another user now, or that others may write to, no longer counts, and a problem says so.
 * - A directory that changes while it is read is read again, four times or for 100 ms at most. If
 *   it still changes, files that are not found now count as they did before, for sixteen more
 *   readings and one minute at most. A file that is always there, under any name, is thus never
 *   lost. The same holds for a file that is missing while its directory can't be read for now.
 */
int trustdir_read(const struct trustdir_sources *sources, const struct anchors *before,
		  struct anchors **ret);

void trustdir_free(struct anchors *anchors); /* NULL is fine */

/*
 * Has anything changed since anchors was read: a file's content, a directory's names, permissions?
 * This takes one stat for each directory and file. It never misses a change: a file that was
 * written within one tick of the file system's clock before it was read counts as changed once
 * more, and so do unsteady anchors. If the process has another root directory now, it returns
 * false.
 */
bool trustdir_changed(const struct anchors *anchors);

/* Do both have the same certificates, with the same scopes? */
bool trustdir_same(const struct anchors *a, const struct anchors *b);
/* Do both have the same problems, word for word? */
bool trustdir_same_problems(const struct anchors *a, const struct anchors *b);

/*
 * Writes to buf the directory to which a new anchor is saved: the first of dirs. Without dirs, it
 * is TRUSTDIR_SYSTEM for root, and the user's own directory otherwise. Returns 0, -ENAMETOOLONG, or
 * -ENOENT if there is none (no dirs and no home).
 */
int trustdir_first(const struct trustdir_sources *sources, bool root, char *buf, size_t size);

/* The endings that trustdir_name_counts() knows, in words. */
#define TRUSTDIR_ENDINGS ".pem, .crt, .cer, .der, .p7b or .p7c"

/* Is name (without a directory) one that a trust directory reads: not hidden, a known ending? */
bool trustdir_name_counts(const char *name);

#endif
