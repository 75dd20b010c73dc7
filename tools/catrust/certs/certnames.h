/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CERTNAMES_H
#define CATRUST_CERTNAMES_H

#include "net/target.h"
#include "x509/names.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

/* More names than this in one certificate are not looked at. */
enum { CERTNAMES_MAX = 1000 };

/* The names that a certificate has for its server. */
struct certnames {
	struct certname {
		struct name name;	/* what is unreadable is in text alone */
		char text[TARGET_HOST]; /* unescaped but for unreadable ones, which are printable */
	} * item;			/* in the certificate's order, those of the subject last */
	size_t count;
	bool has_others; /* DNS names or addresses, not counting the subject */
	bool unreadable; /* there is a subjectAltName, or two, that can't be read */
	bool cut;	 /* there are more */
};

/* Returns 0 and *ret, to be freed with certnames_clear(), or -1: out of memory. */
int certnames_read(const X509 *cert, struct certnames *ret);

enum { CERTNAMES_TEXT = 4 * TARGET_HOST };

/* One name, safe to print. Returns buf. */
char *certnames_text(const struct certname *name, char buf[CERTNAMES_TEXT]);

/*
 * The DNS names and addresses apart from the subject's, at most most of them and then "...", safe
 * to print. Returns how many there are; negative: out of memory.
 */
int certnames_shown(const X509 *cert, int most, char *buf, size_t size);

/* Is it what a client compares that goes by the subject only if there is nothing else? */
bool certnames_is_compared(const struct certnames *names, const struct certname *name);

void certnames_clear(struct certnames *names);

#endif
