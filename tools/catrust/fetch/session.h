/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SESSION_H
#define CATRUST_SESSION_H

#include "base/reason.h"
#include "cli/command.h"
#include "store/trusted.h"

#include <openssl/x509.h>

/* What does not change from target to target. */
struct session {
	const struct options *options;
	struct trustdir_sources sources;
	STACK_OF(X509) * public_cas;
	STACK_OF(X509) * system;    /* what programs of this machine trust */
	STACK_OF(X509) * known;	    /* roots that servers do not send: that, what SSL_CERT_FILE
				       names, and what is saved */
	STACK_OF(X509) * proxy_cas; /* what is trusted for every name, marked for TLS servers */
};

/* Returns 0 and *ret, to be freed with session_close(), or -1 and *why. */
int session_open(const struct options *options, struct session *ret, struct reason *why);

void session_close(struct session *session);

#endif
