/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_AIA_H
#define CATRUST_AIA_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/*
 * The addresses that a certificate gives for its issuer's certificate (authorityInfoAccess, RFC
 * 5280 4.2.2.1), and how to read the answer. No I/O.
 */
enum {
	AIA_MAX_URLS = 5,	/* of one certificate */
	AIA_MAX_URL = 1024,	/* bytes */
	AIA_MAX_ANSWER = 65536, /* bytes */
	AIA_MAX_CERTS = 32,	/* of one answer */
	AIA_MAX_REDIRECTS = 3,
	AIA_MAX_DEPTH = 8,	/* issuers above one another */
	AIA_MAX_MS = 10 * 1000, /* for one answer */
	AIA_MAX_ALL_MS = 30 * 1000,
};

struct aia_urls {
	char url[AIA_MAX_URLS][AIA_MAX_URL]; /* printable ASCII */
	size_t count;
};

/* The URLs that aia_url_wrong() accepts. */
void aia_find_urls(const X509 *cert, struct aia_urls *ret);

/*
 * Why url must not be asked, or NULL. Only http, without a user name. local: hosts of this machine
 * and of its link are allowed.
 */
const char *aia_url_wrong(const char *url, bool local);

/* Loopback, link-local, unspecified or multicast: the web server of a CA has no such address. */
bool aia_address_is_local(const struct sockaddr *address);

/* The same address and port. */
bool aia_same_address(const struct sockaddr *a, const struct sockaddr *b);

/* The same address, whatever the port. */
bool aia_same_host(const struct sockaddr *a, const struct sockaddr *b);

/*
 * The certificates of an answer: DER, or PKCS#7 in DER, or PEM of either kind, whatever the server
 * calls it. NULL: out of memory; empty: there are none.
 */
STACK_OF(X509) * aia_read_answer(const unsigned char *bytes, size_t len);

/* Was subject issued by issuer: names, key identifiers, the right to sign, the signature? */
bool aia_issued(X509 *issuer, X509 *subject);

#endif
