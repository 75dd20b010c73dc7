/* SPDX-License-Identifier: Apache-2.0 */
#include "process/log.h"

#include "libc/compat.h"
#include "libc/io.h"
#include "libc/text.h"
#include "process/cancel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* PIPE_BUF: a pipe that polls as writable accepts this much at once. */
enum { LINE_MAX_BYTES = 4096 };

/*
 * A daemon that closed its stderr may have something else as descriptor 2. Messages must not go to
 * a network connection, or to a file that is open for reading and writing.
 */
static bool is_message_sink(int fd)
{
	struct sockaddr_storage name = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(name);
	struct stat st;

	if (compat_fstat(fd, &st) != 0)
		return false;
	if (S_ISSOCK(st.st_mode))
		return getsockname(fd, (struct sockaddr *)&name, &len) == 0 &&
		       name.ss_family == AF_UNIX;
	if (S_ISREG(st.st_mode))
		return (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY ||
		       (fcntl(fd, F_GETFL) & O_APPEND) != 0;
	return true;
}

/* A descriptor that would have to wait gets nothing. */
static void write_line(int fd, const struct text *line)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};

	if (poll(&ready, 1, 0) == 1 && ready.revents == POLLOUT)
		(void)io_write_quietly(fd, false, line->buf, line->len);
}

static void add_parts(struct text *line, const char *const parts[])
{
	for (size_t i = 0; parts[i] != NULL; i++)
		text_add_escaped(line, parts[i]);
}

/* Not inlined, so that a line of text does not need its space on the stack. */
__attribute__((noinline)) static void add_json(struct text *line, enum log_level level,
					       const char *const parts[])
{
	static const char *const names[] = {"off", "error", "info", "debug"};
	/* Long enough for the whole object. */
	char buf[(LINE_MAX_BYTES - 200) / 2];
	struct text message = TEXT(buf);
	struct timespec now = {0, 0};

	add_parts(&message, parts);
	clock_gettime(CLOCK_REALTIME, &now);
	text_add(line, "{\"time\":");
	text_add_uint(line, (size_t)now.tv_sec);
	text_add(line, ",\"pid\":");
	text_add_uint(line, (size_t)getpid());
	text_add(line, ",\"level\":\"");
	text_add(line, names[level]);
	text_add(line, "\",\"message\":");
	text_add_json(line, buf);
	text_add(line, "}");
}

void log_parts(enum log_level level, const char *const parts[])
{
	char buf[LINE_MAX_BYTES];
	struct text line = {buf, sizeof(buf) - 1, 0}; /* one byte kept for the newline */
	int saved_errno = errno;
	int fd = -1, cancel;

	if (!log_wants(level))
		return;
	cancel = cancel_hold();
	if (config.log_json) {
		add_json(&line, level, parts);
	} else {
		text_add(&line, "catrust: ");
		add_parts(&line, parts);
	}
	buf[line.len++] = '\n';
	if (config.log_file != NULL)
		fd = open(config.log_file,
			  O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
	if (fd >= 0) {
		write_line(fd, &line);
		close(fd);
	} else if (is_message_sink(STDERR_FILENO)) {
		write_line(STDERR_FILENO, &line);
	}
	cancel_release(cancel);
	errno = saved_errno;
}
