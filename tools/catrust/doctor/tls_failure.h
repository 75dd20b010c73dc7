/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TLS_FAILURE_H
#define CATRUST_TLS_FAILURE_H

#include "doctor/diagnose.h"
#include "net/handshake.h"

/* Why a TLS handshake fails for a reason other than verification, and what fixes it. */

enum tls_failure {
	TLS_FINE,
	TLS_PLAIN_TEXT,
	TLS_OLD_PROTOCOL,
	TLS_CLIENT_CERTIFICATE_WANTED,
	TLS_CLIENT_CERTIFICATE_REFUSED,
	TLS_LEGACY_RENEGOTIATION,
	TLS_NO_COMMON_CIPHER,
	TLS_WEAK_KEY_EXCHANGE,
	TLS_UNKNOWN_NAME,
	TLS_RESET,
	TLS_CLOSED,
	TLS_LATE,
	TLS_OTHER,
};

enum tls_failure tls_failure_of(const struct handshake_facts *facts);

/* NULL for TLS_FINE. */
const struct diagnosis *tls_failure_diagnosis(enum tls_failure problem);

/* The name in --json. */
const char *tls_failure_name(enum tls_failure problem);

/* For the user: the protocol that is spoken in plain text here, or NULL. */
const char *tls_failure_plain_text(const unsigned char *first, size_t len);

#endif
