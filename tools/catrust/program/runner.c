/* SPDX-License-Identifier: Apache-2.0 */
#include "program/runner.h"

#include "base/show.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int runner_find(char path[PATH_MAX], const char *use, struct reason *why)
{
	static const char name[] = "catrust-run";
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - sizeof(name));
	char shown[SHOW_MAX];
	char *slash;

	if (len <= 0) {
		reason_set(why, "/proc/self/exe: %s", strerror(errno));
		return -1;
	}
	path[len] = '\0';
	slash = strrchr(path, '/');
	if (slash != NULL)
		memcpy(slash + 1, name, sizeof(name));
	if (slash == NULL || access(path, X_OK) != 0) {
		reason_set(why, "%s, which %s, is not there: install it", show_text(path, shown),
			   use);
		return -1;
	}
	return 0;
}
