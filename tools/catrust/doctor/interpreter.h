/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_INTERPRETER_H
#define CATRUST_INTERPRETER_H

#include "base/reason.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* What one of a Python's ways to verify loads, and how it verifies. */
struct interpreter_client {
	char file[PATH_MAX], dir[PATH_MAX]; /* "": none */
	unsigned long flags;		    /* X509_V_FLAG_... */
	int level;			    /* of security; -1: OpenSSL's default */
	bool common_name, name_last;	    /* see verify_how */
	bool strict_file; /* it fails if file can't be read; otherwise it continues without file */
	char version[64]; /* of the package */
};

enum interpreter_kind {
	INTERPRETER_SSL,      /* ssl.create_default_context() */
	INTERPRETER_CERTIFI,  /* the same with certifi's bundle: httpx, and others */
	INTERPRETER_REQUESTS, /* requests, with its variables */
	INTERPRETER_KINDS,
};

struct interpreter {
	char version[32], openssl[64];
	int openssl_version; /* PYTHON_OPENSSL() */
	bool has[INTERPRETER_KINDS];
	struct interpreter_client client[INTERPRETER_KINDS];
	char ciphers[8192];
	int minimum;		    /* version of TLS, as TLS1_2_VERSION; 0: OpenSSL's default */
	unsigned long long options; /* SSL_OP_... */
	char problem[256];	    /* a variable that names a missing file; "": none */
};

/* Runs the Python exe, a path or a name in PATH, and asks it. Its time and its output are limited.
 * Returns 0 and *ret, or -1 and *why. */
int interpreter_ask(const char *exe, struct interpreter *ret, struct reason *why);

/* Reads its answer: names and values, each ended by a NUL. Returns 0, or -1 if it is invalid. */
int interpreter_read(const char *answer, size_t len, struct interpreter *ret);

#endif
