/* SPDX-License-Identifier: Apache-2.0 */
#include "system/machine.h"

#include "system/variables.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

int machine_trusted(struct trusted *ret, struct reason *why)
{
	struct trustdir_sources sources = trusted_sources(MACHINE_TRUST);

	if (trusted_read(&sources, ret) == 0)
		return 0;
	reason_set(why, "out of memory");
	return -1;
}

int machine_open(struct record *ret, struct reason *why)
{
	/* Held until this process ends. */
	static int lock = -1;

	ret->count = 0;
	if (geteuid() != 0) {
		reason_set(why, "only root may change the machine: sudo catrust ...");
		return -1;
	}
	/* A folder that is always there. */
	lock = open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0 || (flock(lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)) {
		reason_set(why, "/etc: %s",
			   errno == EWOULDBLOCK ? "another catrust is at work on this machine"
						: strerror(errno));
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
