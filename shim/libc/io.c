/* SPDX-License-Identifier: Apache-2.0 */
#include "libc/io.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
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

int io_read_file(int fd, size_t expected, size_t most, unsigned char **ret, size_t *ret_len)
{
	size_t room = expected, len = 0;
	unsigned char *data = NULL;
	ssize_t got;

	do {
		unsigned char *bigger;

		room += data == NULL ? 1 : room / 2 + 4096;
		if (room > most + 1)
			room = most + 1;
		bigger = realloc(data, room);
		got = bigger == NULL ? -ENOMEM : io_read_all(fd, bigger + len, room - len);
		data = bigger == NULL ? data : bigger;
		len += got < 0 ? 0 : (size_t)got;
		if (got >= 0 && len > most)
			got = -EFBIG;
	} while (got >= 0 && len == room);
	if (got < 0) {
		free(data);
		return (int)got;
	}
	*ret = data;
	*ret_len = len;
	return 0;
}

static bool write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return false;
		data += n < 0 ? 0 : n;
		len -= n < 0 ? 0 : (size_t)n;
	}
	return true;
}

bool io_write_quietly(int fd, bool is_file, const void *data, size_t len)
{
	const struct timespec at_once = {0, 0};
	sigset_t mine, before, pending;
	bool done;

	sigemptyset(&mine);
	sigaddset(&mine, SIGXFSZ);
	if (!is_file) {
		sigaddset(&mine, SIGPIPE);
		sigaddset(&mine, SIGTTOU);
	}
	sigprocmask(SIG_BLOCK, &mine, &before);
	/*
	 * Only a signal that was blocked can be pending. Otherwise sigpending() is not called,
	 * because a seccomp filter may kill the process for it.
	 */
	sigemptyset(&pending);
	if (sigismember(&before, SIGXFSZ) == 1 || (!is_file && sigismember(&before, SIGPIPE) == 1))
		sigpending(&pending);
	done = write_all(fd, data, len);
	if (!done && (errno == EPIPE || errno == EFBIG)) {
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
	return done;
}
