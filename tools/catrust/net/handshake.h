/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_HANDSHAKE_H
#define CATRUST_HANDSHAKE_H

#include "net/connect.h"

#include <openssl/x509.h>
#include <stdbool.h>

/* At most this many certificates are read from a server. */
enum { HANDSHAKE_MAX_CERTS = 32 };

/* A client's settings for TLS. */
struct handshake_client {
	const char *ciphers;		 /* OpenSSL's list */
	int level;			 /* of security; -1: OpenSSL's default */
	int minimum;			 /* version, as TLS1_2_VERSION; 0: OpenSSL's default */
	unsigned long long more_options; /* SSL_OP_... besides SSL_OP_ALL */
	bool reads_on; /* after TLS 1.3, to learn whether the server accepts its certificate */
};

/* How a TLS handshake, or the first read after it, failed, apart from verification. */
struct handshake_facts {
	unsigned long error; /* of OpenSSL's queue, or 0 */
	int os_error;	     /* errno, or 0 */
	bool eof;	     /* the server closed the connection */
	bool closed;	     /* the same, and OpenSSL considers it an orderly end */
	bool late;	     /* the server was silent until the time-out */
	bool asked;	     /* the server wants a client certificate */
	bool given;	     /* there was one to send */
	unsigned char first[8];
	size_t first_len; /* the server's first bytes */
};

/* How far a handshake with a server gets; it verifies nothing. */
struct handshake {
	bool opened;		/* the connection, through proxy and STARTTLS */
	struct reason why;	/* if not opened */
	STACK_OF(X509) * certs; /* what the server sent; NULL: nothing */
	bool cut;		/* it sent more than HANDSHAKE_MAX_CERTS */
	bool done;		/* the client has finished the handshake */
	struct handshake_facts facts;
};

/* Returns 0 and *ret, to be freed with handshake_clear(), or -1 and *why. */
int handshake_try(const struct target *target, const struct connect_options *options,
		  const struct handshake_client *client, struct handshake *ret, struct reason *why);

void handshake_clear(struct handshake *h);

#endif
