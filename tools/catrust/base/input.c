/* SPDX-License-Identifier: Apache-2.0 */
#include "base/input.h"

#include <string.h>
#include <unistd.h>

int input_at(int fd, uint64_t at, void *buf, size_t len)
{
	char *to = buf;

	while (len > 0) {
		ssize_t got = at > INT64_MAX ? -1 : pread(fd, to, len, (off_t)at);

		if (got <= 0)
			return -1;
		to += got;
		at += (uint64_t)got;
		len -= (size_t)got;
	}
	return 0;
}

const char *input_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}
