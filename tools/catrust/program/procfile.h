/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_PROCFILE_H
#define CATRUST_PROCFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What /proc tells of a process. */

/* One line of maps. */
struct procfile_mapping {
	uint64_t start, end;
	bool is_code; /* executable */
	uint64_t inode;
	const char *device;
	const char *path; /* "" if it is no file's */
	bool is_deleted;  /* the file was removed since, or another one has taken its path */
};

/*
 * Takes the mark off a path that the kernel puts behind it where the file was removed. Returns
 * whether it was there.
 */
bool procfile_take_mark(char *path);

/* Takes line, which it splits up, apart. false: it is none. */
bool procfile_mapping(char *line, struct procfile_mapping *ret);

/* /proc/PID/NAME whole, with a NUL behind it, to be freed; NULL if it is not to be read. */
char *procfile_read(pid_t pid, const char *name, size_t *ret_len);

/* The number of an entry of auxv, which is 0 if there is none. */
uint64_t procfile_aux(const char *auxv, size_t len, uint64_t type);

/* The value of a line of status, as of "Tgid:", or -1. */
long procfile_status(const char *status, const char *name);

/* The same of a process; -1 also if its status is not to be read. */
long procfile_status_of(pid_t pid, const char *name);

/* Field number, from 3 (the state) on, of the text of stat; NULL: it has fewer. */
const char *procfile_field(const char *stat, int number);

/* When a process was started, of the text of stat, in ticks. false: it does not say. */
bool procfile_start(const char *stat, unsigned long long *ret);

/* environ: the value of a variable, or NULL. */
const char *procfile_variable(const char *environ_text, size_t len, const char *name);

#endif
