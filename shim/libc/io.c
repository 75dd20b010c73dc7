/* SPDX-License-Identifier: Apache-2.0 */
#include "libc/io.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

ssize_t io_read_all(int fd, void *buf, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t got = read(fd, (char *)buf + len, size - len);

		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0)
			break;
		len += got < 0 ? 0 : (size_t)got;
	}
	return (ssize_t)len;
}

bool io_write_quietly(int fd, const void *data, size_t len)
{
	const struct timespec at_once = {0, 0};
	sigset_t mine, before, pending;
	ssize_t written;

	sigemptyset(&mine);
	sigaddset(&mine, SIGPIPE);
	sigaddset(&mine, SIGXFSZ);
	sigaddset(&mine, SIGTTOU);
	sigprocmask(SIG_BLOCK, &mine, &before);
	/*
	 * Only a signal that was blocked can be pending. Otherwise sigpending() is not called,
	 * because a seccomp filter may kill the process for it.
	 */
	sigemptyset(&pending);
	if (sigismember(&before, SIGPIPE) == 1 || sigismember(&before, SIGXFSZ) == 1)
		sigpending(&pending);
	written = write(fd, data, len);
	if (written < 0 && (errno == EPIPE || errno == EFBIG)) {
		int sig = errno == EPIPE ? SIGPIPE : SIGXFSZ;
		sigset_t raised;

		/* This write raised the signal, unless it was pending before. */
		sigemptyset(&raised);
		sigaddset(&raised, sig);
		if (!sigismember(&pending, sig))
			while (sigtimedwait(&raised, NULL, &at_once) < 0 && errno == EINTR)
				;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return written >= 0 && (size_t)written == len;
}
