/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SHOW_H
#define CATRUST_SHOW_H

#include "escape.h"

#include <openssl/x509.h>
#include <stdio.h>

/* What is printed of a name, a path or the like. */
enum { SHOW_MAX = 512 };

/* Asks the environment once: is the terminal's text UTF-8, may there be colour? */
void show_init(void);

/* A path or other text of somebody else's, made safe for the terminal. Returns buf. */
char *show_text(const char *text, char buf[SHOW_MAX]);

/* CN=..., O=..., the most specific part first. Returns buf. */
char *show_name(const X509_NAME *name, char buf[SHOW_MAX]);

/* 2031-12-31 */
char *show_date(const ASN1_TIME *t, char buf[SHOW_MAX]);

/* RSA 2048 bits, EC P-256 */
char *show_key(const X509 *cert, char buf[SHOW_MAX]);

/* Subject and SHA-256. */
void show_identity(FILE *to, const X509 *cert, const char *indent);

/* Subject, issuer, validity, key and SHA-256 on lines of their own. */
void show_certificate(FILE *to, const X509 *cert, const char *indent);

enum show_style { SHOW_PLAIN, SHOW_WARNING, SHOW_STRONG };

/*
 * text, with its longer lines broken at spaces if to is a terminal. Lines that begin with a space
 * are left as they are: commands to copy, and what stands in columns.
 */
void show_wrapped(FILE *to, const char *text);

/*
 * Lines to stderr, wrapped, with colour where that is wanted. show_error puts the program's name in
 * front.
 */
__attribute__((format(printf, 2, 3))) void show_line(enum show_style style, const char *format,
						     ...);
__attribute__((format(printf, 1, 2))) void show_error(const char *format, ...);

#endif
