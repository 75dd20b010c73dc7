/* SPDX-License-Identifier: Apache-2.0 */
#include "mount/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* The number in a file of the kernel; -1: there is no such file. */
static long setting(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[32];
	long value = -1;

	if (file != NULL) {
		if (fgets(line, sizeof(line), file) != NULL)
			value = strtol(line, NULL, 10);
		fclose(file);
	}
	return value;
}

/* Guesses which setting forbids user namespaces. */
static const char *what_forbids(int error)
{
	if (setting("/proc/sys/user/max_user_namespaces") == 0)
		return "user namespaces are switched off: sysctl user.max_user_namespaces is 0";
	if (setting("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		return "users may have no namespaces: sysctl kernel.unprivileged_userns_clone is 0";
	if (setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
		return "AppArmor restricts user namespaces: sysctl "
		       "kernel.apparmor_restrict_unprivileged_userns is 1";
	if (error == ENOSPC)
		return "there are too many namespaces already";
	if (error == ENOSYS || error == EINVAL)
		return "the kernel has no user namespaces";
	return "the container or sandbox that this runs in forbids it (no CAP_SYS_ADMIN, or a "
	       "seccomp filter)";
}

static int refuse(struct reason *why, int error)
{
	reason_set(why,
		   "can't make a mount namespace here: %s (%s); catrust-run --env sets variables "
		   "instead",
		   what_forbids(error), strerror(error));
	return -1;
}

static bool write_line(const char *path, const char *line)
{
	size_t len = strlen(line);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, line, len) == (ssize_t)len;
	int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return ok;
}

static bool map_self(uid_t uid, gid_t gid)
{
	char line[64];

	/* Otherwise the kernel accepts no group map from an ordinary user. */
	if (!write_line("/proc/self/setgroups", "deny") && errno != ENOENT)
		return false;
	snprintf(line, sizeof(line), "%lu %lu 1\n", (unsigned long)uid, (unsigned long)uid);
	if (!write_line("/proc/self/uid_map", line))
		return false;
	snprintf(line, sizeof(line), "%lu %lu 1\n", (unsigned long)gid, (unsigned long)gid);
	return write_line("/proc/self/gid_map", line);
}

int namespace_enter(struct reason *why)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWNS) != 0) {
		if (errno != EPERM)
			return refuse(why, errno);
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
			return refuse(why, errno);
		if (!map_self(uid, gid))
			return refuse(why, errno);
	}
	/* Mounts made here must not spread outside. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0)
		return 0;
	if (errno == EINVAL) {
		reason_set(why, "can't make a mount namespace here: this is a chroot, and its root "
				"is no mount point; catrust-run --env sets variables instead");
		return -1;
	}
	return refuse(why, errno);
}
