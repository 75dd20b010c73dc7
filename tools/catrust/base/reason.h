/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_REASON_H
#define CATRUST_REASON_H

/*
 * Why something failed, in words for the user. The function that fails sets it, and a command
 * prints it.
 */
struct reason {
	char text[1024]; /* printable: text from elsewhere is escaped */
};

__attribute__((format(printf, 2, 3))) void reason_set(struct reason *why, const char *format, ...);

#endif
