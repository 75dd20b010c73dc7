/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_STARTTLS_H
#define CATRUST_STARTTLS_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>

/* What a server wants to hear before it speaks TLS. */
enum starttls_protocol {
	STARTTLS_NONE,
	STARTTLS_SMTP,
	STARTTLS_LMTP,
	STARTTLS_IMAP,
	STARTTLS_POP3,
	STARTTLS_FTP,
	STARTTLS_LDAP,
	STARTTLS_XMPP,
	STARTTLS_XMPP_SERVER,
	STARTTLS_IRC,
	STARTTLS_NNTP,
	STARTTLS_SIEVE,
	STARTTLS_POSTGRES,
	STARTTLS_MYSQL,
	STARTTLS_PROTOCOLS, /* how many there are */
};

/* The name for --starttls, or NULL. "none" is STARTTLS_NONE. */
const char *starttls_name(enum starttls_protocol protocol);

/* Returns false if there is none of this name. */
bool starttls_by_name(const char *name, enum starttls_protocol *ret);

enum {
	STARTTLS_MAX_PIECE = 8 << 10,  /* one line, packet or element */
	STARTTLS_MAX_TOTAL = 32 << 10, /* all that a server may say before TLS */
	STARTTLS_OUT = 1024,
};

enum starttls_state {
	STARTTLS_WAIT,	  /* send what is in out, then feed what the server answers */
	STARTTLS_READY,	  /* TLS may start */
	STARTTLS_REFUSED, /* *why says how, with the server's words escaped */
};

/* One exchange. No I/O: bytes go in by starttls_feed(), and come out in out. */
struct starttls {
	enum starttls_protocol protocol;
	enum starttls_state state;
	int step; /* goes up with each answer that is complete: a new wait may begin */
	char host[256];
	unsigned char in[STARTTLS_MAX_PIECE];
	size_t in_len, total;
	char out[STARTTLS_OUT]; /* the driver sends it and sets out_len to 0 */
	size_t out_len;
};

/* host is for XMPP, which names the domain: letters, digits, hyphens, dots, or an address. */
void starttls_start(struct starttls *s, enum starttls_protocol protocol, const char *host);

/*
 * Takes what the server said. Anything after its permission to start TLS is refused: an attacker
 * may have inserted it. *why is set for STARTTLS_REFUSED alone.
 */
enum starttls_state starttls_feed(struct starttls *s, const void *bytes, size_t len,
				  struct reason *why);

#endif
