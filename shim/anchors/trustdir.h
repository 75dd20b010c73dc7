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

/* The default directories; the second stands below $XDG_CONFIG_HOME, or ~/.config. */
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
	const uid_t *user;   /* that the program was started as; NULL: this program */
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
	size_t problems_lost; /* beyond TRUSTDIR_MAX_PROBLEMS, or of which another one stands for
			       * all
			       */
	bool moved;	      /* something changed all the while: what is in it may be mixed up */
	bool unsteady;	      /* moved, or something could not be read for now: read again soon */
};

/*
 * Reads all sources. A bad file or directory becomes a problem in *ret and costs nothing else.
 * Returns 0 and *ret, to be freed with trustdir_free(), or -ENOMEM and no *ret. before is an
 * earlier reading, which may be NULL and stays the caller's:
 * - Files that look as before are not read again.
 * - What can't be read for now (no descriptors, no memory, an I/O error) stays as it was, as long
 *   as it is there. What may not be read any more (EACCES), or belongs to others now, or may be
 *   written to by them, goes, with a problem that says so.
 * - A directory that changes while it is read is read again, four times or for 100 ms at most. If
 *   that is not enough, what was there before stays too, for sixteen calls in which it is not
 *   found, and a minute after the first of them: what is always there, under one name or another,
 *   is never lost. So does a file that is gone from a directory which can't be read for now.
 * It returns -EAGAIN if the process has another root directory than then.
 */
int trustdir_read(const struct trustdir_sources *sources, const struct anchors *before,
		  struct anchors **ret);

void trustdir_free(struct anchors *anchors); /* NULL is fine */

/*
 * Has anything changed since anchors was read: a file's content, a directory's names, permissions?
 * One stat for each directory and file that was looked at. Never misses a change: what was written
 * just before it was read, within the resolution of time stamps, counts as changed once more, and
 * so does what is unsteady. Nothing changes for a process that has another root directory now.
 */
bool trustdir_changed(const struct anchors *anchors);

/* Do the two trust the same certificates, within the same scopes? */
bool trustdir_same(const struct anchors *a, const struct anchors *b);
/* And are their problems told in the same words? */
bool trustdir_same_problems(const struct anchors *a, const struct anchors *b);

/*
 * The directory that a new anchor is saved to: the first of dirs, else TRUSTDIR_SYSTEM for root,
 * else the user's own. Written to buf as a string. Returns 0, or -ENAMETOOLONG, or -ENOENT where
 * there is none (no dirs and no home).
 */
int trustdir_first(const struct trustdir_sources *sources, bool root, char *buf, size_t size);

/* Is name (without a directory) one that a trust directory reads: not hidden, a known ending? */
bool trustdir_name_counts(const char *name);

#endif
