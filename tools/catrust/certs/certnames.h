/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CERTNAMES_H
#define CATRUST_CERTNAMES_H

#include "net/target.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

/* More names than this in one certificate are not looked at. */
enum { CERTNAMES_MAX = 1000 };

enum certname_kind {
	CERTNAME_DNS,
	CERTNAME_ADDRESS,
	CERTNAME_BROKEN, /* it says that it is one of these, and can be none */
};

/* The names of servers that a certificate is for. */
struct certnames {
	struct certname {
		enum certname_kind kind;
		bool of_subject;	/* a CN, which some compare where there are no others */
		char text[TARGET_HOST]; /* unescaped but for broken ones, which are printable */
	} * item;			/* in the certificate's order, those of the subject last */
	size_t count;
	bool has_dns;	 /* not counting the subject */
	bool has_others; /* the same: any subjectAltName of the three kinds */
	bool unreadable; /* there is a subjectAltName, or two, that OpenSSL can't read */
	bool cut;	 /* there are more */
};

/* Returns 0 and *ret, to be freed with certnames_clear(), or -1: out of memory. */
int certnames_read(const X509 *cert, struct certnames *ret);

enum { CERTNAMES_TEXT = 4 * TARGET_HOST };

/* One name, safe to print. Returns buf. */
char *certnames_text(const struct certname *name, char buf[CERTNAMES_TEXT]);

/*
 * The names apart from the subject's, at most most of them and then "...", safe to print. Returns
 * how many there are; negative: out of memory.
 */
int certnames_shown(const X509 *cert, int most, char *buf, size_t size);

/* The text of a broken name of no length. */
#define CERTNAMES_EMPTY "(empty)"

void certnames_clear(struct certnames *names);

#endif
