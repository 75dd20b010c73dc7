/* SPDX-License-Identifier: Apache-2.0 */
#include "base/confirm.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

bool confirm_possible(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool confirm(const char *question)
{
	char answer[16];
	size_t len = 0;
	ssize_t got;
	char c;

	/* Discard what was typed before the question. */
	tcflush(STDIN_FILENO, TCIFLUSH);
	fprintf(stderr, "%s [y/N] ", question);
	while ((got = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n')
		if (len < sizeof(answer) - 1)
			answer[len++] = c;
	answer[len] = '\0';
	if (got != 1) {
		fputc('\n', stderr);
		return false;
	}
	return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}
