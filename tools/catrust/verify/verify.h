/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_VERIFY_H
#define CATRUST_VERIFY_H

#include "net/target.h"
#include "store/scopes.h"
#include "store/trusted.h"

#include <limits.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

/* What a program itself trusts. */
struct verify_store {
	STACK_OF(X509) * certs;	   /* of its file; NULL: none */
	STACK_OF(X509_CRL) * crls; /* the same; used if it checks for revocation */
	char dir[PATH_MAX];	   /* with hashed names, or several separated by colons; "": none */
};

/* Why a bundle can't be loaded, as Python's load_verify_locations() reports it. */
struct verify_load_error {
	int os_error;	     /* errno, or 0 */
	unsigned long error; /* of OpenSSL's queue, if os_error is 0 */
};

/* Reads file, in OpenSSL's PEM format, and stores the name dir; each may be NULL. Returns 0 and
 * *ret, to be freed with verify_store_clear(), or -1 and *error. Out of memory is ENOMEM. */
int verify_load(const char *file, const char *dir, struct verify_store *ret,
		struct verify_load_error *error);

void verify_store_clear(struct verify_store *store);

/* How a program verifies. */
struct verify_how {
	unsigned long flags; /* X509_V_FLAG_... */
	int level;	     /* of security */
	bool common_name;    /* counts if the certificate has no subjectAltName */
	bool name_last;	     /* the program itself compares names, after everything else */
	bool relax;	     /* CATRUST_STRICT=relax */
	bool public_only;    /* CATRUST_CONTEXTS=public */
	bool before_3;	     /* OpenSSL 1.1.1: it has fewer rules, especially strict ones */
};

/* Does this environment set CATRUST_STRICT=relax for programs under catrust-run? */
bool verify_is_relaxed(void);

/* The same for CATRUST_CONTEXTS=public. */
bool verify_is_public_only(void);

/* The anchors that libcatrust.so would add. */
struct verify_anchors {
	const struct trusted *trusted;	  /* with their scopes; NULL: none */
	const STACK_OF(X509) * more;	  /* NULL: none */
	const struct scopes *more_scopes; /* of more, besides those it has; NULL: every name */
};

enum { VERIFY_ERRORS = 48 };

struct verify_result {
	struct verify_error {
		int code;
		int depth;
		X509 *cert;	/* a reference; NULL: unknown */
	} error[VERIFY_ERRORS]; /* all errors in OpenSSL's order; Python shows the first */
	size_t count;		/* 0: accepted */
};

/* Verifies what a server sent, and continues after each error. Returns 0 and *ret, to be freed with
 * verify_result_clear(), or -1: out of memory. */
int verify_chain(const struct verify_store *own, const struct verify_anchors *anchors,
		 STACK_OF(X509) * sent, const struct target *host, const struct verify_how *how,
		 struct verify_result *ret);

void verify_result_clear(struct verify_result *j);

#endif
