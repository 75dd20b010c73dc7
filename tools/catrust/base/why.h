/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_WHY_H
#define CATRUST_WHY_H

/* Why something failed, in words for the user: set by the function that fails, printed by a
 * command. */
struct why {
	char text[1024]; /* printable: whatever came from elsewhere is escaped */
};

__attribute__((format(printf, 2, 3))) void why_set(struct why *why, const char *format, ...);

#endif
