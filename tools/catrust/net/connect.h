/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CONNECT_H
#define CATRUST_CONNECT_H

#include "base/reason.h"
#include "net/target.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>

struct transport;
struct transport_cas;

struct connect_options {
	const char *servername; /* the name to ask the server for (SNI); NULL: none */
	const char *proxy;	/* a URL; "": none; NULL: from the environment */
	const struct transport_cas *proxy_cas; /* as for transport_open() */
	const char *cert, *key;		       /* PEM files of a client certificate; NULL: none */
	int timeout_ms;			       /* for each step */
};

/* Opens a connection that is ready for TLS: through the proxy, and after STARTTLS. Returns 0 and
 * *ret, to be freed with transport_close(), or -1 and *why. */
int connect_open(const struct target *target, const struct connect_options *options,
		 struct transport **ret, struct reason *why);

/* Loads the client certificate of options, if there is one. Returns 0, or -1 and *why. */
int connect_use_certificate(SSL_CTX *ctx, const struct connect_options *options,
			    struct reason *why);

/* Are the files of the client certificate usable? Returns 0, or -1 and *why. */
int connect_check_files(const struct connect_options *options, struct reason *why);

/* Sets *why: the server accepted the connection, but failed as what says, within the time-out. */
void connect_reason_late(struct reason *why, const char *what, int timeout_ms);

#endif
