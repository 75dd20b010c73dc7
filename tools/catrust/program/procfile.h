/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_PROCFILE_H
#define CATRUST_PROCFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads data about a process from /proc. */

/* One line of maps. */
struct procfile_mapping {
	uint64_t start, end;
	bool is_code; /* executable */
	uint64_t inode;
	const char *device;
	const char *path; /* "" if it is not of a file */
	bool is_deleted;  /* the file was removed, or another one has taken its path */
};

/* Removes the mark that the kernel appends to the path of a removed file. Returns whether it was
 * there. */
bool procfile_take_mark(char *path);

/* Parses line, and splits it up. false: it is invalid. */
bool procfile_mapping(char *line, struct procfile_mapping *ret);

/* All of /proc/PID/NAME, followed by a NUL, to be freed; NULL if it can't be read. */
char *procfile_read(pid_t pid, const char *name, size_t *ret_len);

/* The value of an entry of auxv; 0 if there is none. */
uint64_t procfile_aux(const char *auxv, size_t len, uint64_t type);

/* The value of a line of status, such as "Tgid:", or -1. */
long procfile_status(const char *status, const char *name);

/* The same for a process; also -1 if its status can't be read. */
long procfile_status_of(pid_t pid, const char *name);

/* Field number, from 3 (the state) on, of the text of stat; NULL: there are fewer. */
const char *procfile_field(const char *stat, int number);

/* When a process was started, from the text of stat, in ticks. false: it is not there. */
bool procfile_start(const char *stat, unsigned long long *ret);

/* The value of a variable in environ, or NULL. */
const char *procfile_variable(const char *environ_text, size_t len, const char *name);

#endif
