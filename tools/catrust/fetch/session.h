/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SESSION_H
#define CATRUST_SESSION_H

#include "base/reason.h"
#include "cli/command.h"
#include "net/transport.h"
#include "store/trusted.h"

#include <openssl/x509.h>

/* Data that is the same for all targets. */
struct session {
	const struct options *options;
	struct trustdir_sources sources;
	STACK_OF(X509) * public_cas;
	STACK_OF(X509) * system;	/* what programs of this machine trust */
	STACK_OF(X509) * known;		/* roots that servers do not send: the above, those of
					   SSL_CERT_FILE, and those saved */
	struct trusted saved;		/* what was saved when the command began */
	struct transport_cas proxy_cas; /* the same, for proxies */
};

/* Returns 0 and *ret, to be freed with session_close(), or -1 and *why. */
int session_open(const struct options *options, struct session *ret, struct reason *why);

void session_close(struct session *session);

#endif
