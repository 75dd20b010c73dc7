/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SHOW_H
#define CATRUST_SHOW_H

#include "base/escape.h"

#include <stdio.h>

/* The size of a buffer for a printed name, path or the like. */
enum { SHOW_MAX = 512 };

/* Reads the environment once: does the terminal use UTF-8, and is colour allowed? */
void show_init(void);

/* Makes a path or other foreign text safe for the terminal. Returns buf. */
char *show_text(const char *text, char buf[SHOW_MAX]);

/* Like escape(), and also fit for the terminal. Returns buf. */
char *show_bytes(char *buf, size_t size, const void *data, size_t len, unsigned more_flags);

enum show_style { SHOW_PLAIN, SHOW_WARNING, SHOW_STRONG };

/*
 * Lines to stderr, wrapped, with colour where that is wanted. show_error puts the program's name in
 * front.
 */
__attribute__((format(printf, 2, 3))) void show_line(enum show_style style, const char *format,
						     ...);
__attribute__((format(printf, 1, 2))) void show_error(const char *format, ...);

#endif
