/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_PEER_H
#define CATRUST_PEER_H

#include "net/connect.h"

#include <openssl/x509.h>

/* What a server showed. Nothing is verified. */
struct peer {
	STACK_OF(X509) * certs; /* as sent, with the server's own first; at least one */
	bool cut;		/* it sent more than HANDSHAKE_MAX_CERTS */
	bool broken_off; /* the handshake failed after the certificates; *why is the reason */
};

/* Connects to a server, which may be very old, and gets its certificates. Returns 0 and *ret, to be
 * freed with peer_clear(), or -1 and *why. */
int peer_connect(const struct target *target, const struct connect_options *options,
		 struct peer *ret, struct reason *why);

void peer_clear(struct peer *peer);

#endif
