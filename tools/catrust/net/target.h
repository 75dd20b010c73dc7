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

/* A server named by the user. */
struct target {
	char host[TARGET_HOST]; /* lower case; an IPv6 address without brackets, with its zone */
	unsigned port;
	bool is_ip;
	enum starttls_protocol starttls; /* the protocol before TLS */
	const char *scheme; /* of the URL or of the port's protocol; "https" if there is none */
};

/* Reads host, host:port, [v6]:port or a URL with one of the schemes listed in catrust(1). The
 * scheme, or else the port, decides about STARTTLS. Returns NULL and *ret, or the error in text. */
const char *target_parse(const char *text, struct target *ret);

/* The same for a bare name without port. */
const char *target_parse_name(const char *text, struct target *ret);

/* host:port, with brackets if needed. Returns buf. */
char *target_text(const struct target *t, char buf[TARGET_TEXT]);

#endif
