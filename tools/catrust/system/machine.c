/* SPDX-License-Identifier: Apache-2.0 */
#include "system/machine.h"

#include "system/variables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Removed at the end. */
#define LOCK "/var/lib/.catrust.lock"

int machine_trusted(struct trusted *ret, struct reason *why)
{
	struct trustdir_sources sources = trusted_sources(MACHINE_TRUST);

	if (trusted_read(&sources, ret) == 0)
		return 0;
	reason_set(why, "out of memory");
	return -1;
}

static void remove_lock(void)
{
	(void)unlink(LOCK);
}

/* Holds the lock until this process ends. Only root can open the file, because any user can lock a
 * readable file. Returns 0 or a negative errno. */
static int take_lock(void)
{
	enum { TRIES = 100 };
	int error = -EWOULDBLOCK;

	for (int i = 0; i < TRIES; i++) {
		struct stat held, there;
		int fd = open(LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &held) != 0) {
			error = -errno;
			close(fd);
			return error;
		}
		/* The previous process may have removed it meanwhile. */
		if (stat(LOCK, &there) == 0 && there.st_ino == held.st_ino &&
		    there.st_dev == held.st_dev)
			return atexit(remove_lock) == 0 ? 0 : -ENOMEM;
		close(fd);
	}
	return error;
}

int machine_open(const char *command, struct record *ret, struct reason *why)
{
	int error;

	ret->count = 0;
	if (geteuid() != 0) {
		reason_set(why, "only root may change the machine: sudo catrust %s", command);
		return -1;
	}
	error = take_lock();
	if (error != 0) {
		reason_set(why, LOCK ": %s",
			   error == -EWOULDBLOCK ? "another catrust is changing this machine: try "
						   "again when it is done"
						 : strerror(-error));
		return -1;
	}
	return record_read(ret, why);
}

int machine_refresh(struct reason *why)
{
	struct trusted trusted;
	struct record r;
	bool wanted;
	int error;

	if (record_read(&r, why) != 0)
		return -1;
	wanted = record_find(&r, RECORD_VARIABLES) != NULL;
	record_clear(&r);
	if (!wanted)
		return 0;
	if (machine_trusted(&trusted, why) != 0)
		return -1;
	error = variables_make_bundles(&trusted, false, why);
	trusted_clear(&trusted);
	return error == 0 ? 1 : -1;
}
