/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TARGET_H
#define CATRUST_TARGET_H

#include "net/starttls/starttls.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	TARGET_HOST = 254,	       /* a DNS name, with the final NUL */
	TARGET_TEXT = TARGET_HOST + 8, /* [host]:port */
};

/* A server that the user named. */
struct target {
	char host[TARGET_HOST]; /* lower case; an IPv6 address without its brackets, with its zone
				 */
	unsigned port;
	bool is_ip;
	enum starttls_protocol starttls; /* what to speak before TLS */
	const char *scheme; /* of the URL or the port's protocol; "https" if there is none */
};

/*
 * Reads host, host:port, [v6]:port or a URL of one of the schemes that catrust(1) lists. The
 * scheme, or else the port, tells whether STARTTLS comes first. NULL and *ret, or what is wrong
 * with text.
 */
const char *target_parse(const char *text, struct target *ret);

/* The same for a bare name, without port. */
const char *target_parse_name(const char *text, struct target *ret);

/* host:port, brackets where they are needed. Returns buf. */
char *target_text(const struct target *t, char buf[TARGET_TEXT]);

#endif
