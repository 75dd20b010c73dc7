/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TEST_FIXTURE_H
#define CATRUST_TEST_FIXTURE_H

#include <check.h>
#include <stddef.h>
#include <stdio.h>

/*
 * The smallest DER that is framed as a certificate. The shim's pure parts look at no more; real
 * certificates are for the tests in e2e.
 */
enum { TINY_CERT = 11 };
void tiny_cert(unsigned id, unsigned char der[TINY_CERT]);

/* PEM of any bytes, appended to out. */
void pem_write(FILE *out, const char *label, const unsigned char *der, size_t len);

/* A fresh directory, and its removal with all that is in it. */
char *fixture_dir(void);
void fixture_remove(char *dir);

/* Writes dir/name. */
void fixture_file(const char *dir, const char *name, const void *data, size_t len);
/* The same with a tiny certificate. */
void fixture_cert(const char *dir, const char *name, unsigned id);
/* The path dir/name. Valid for three more calls. */
const char *fixture_path(const char *dir, const char *name);

/* A new test case of a suite for what takes seconds: tests/quick leaves it out. */
TCase *fixture_slow(Suite *suite);

/* Runs a suite; what main() returns. */
int fixture_run(Suite *suite);

#endif
