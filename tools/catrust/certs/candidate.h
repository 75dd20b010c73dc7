/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CANDIDATE_H
#define CATRUST_CANDIDATE_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* Findings about a certificate as a trust anchor, from the certificate alone. */
enum finding_level {
	FINDING_REFUSE, /* it must not be saved */
	FINDING_WARN,
};

enum { FINDINGS_MAX = 24 };

struct findings {
	struct finding {
		enum finding_level level;
		const char *code; /* for programs, kept stable */
		char text[240];	  /* printable */
	} item[FINDINGS_MAX];
	size_t count;
};

/* Returns 0, or -1: out of memory. */
int candidate_check(X509 *cert, time_t now, struct findings *ret);

/* The same for a server's own self-signed certificate, which is to vouch only for that server. */
int candidate_check_pin(X509 *cert, time_t now, struct findings *ret);

bool findings_refuse(const struct findings *findings);

/* Do both have the same public key? */
bool candidate_same_key(const X509 *a, const X509 *b);

/* The first of certs with the public key of cert, or NULL. */
X509 *candidate_find_key(const STACK_OF(X509) * certs, const X509 *cert);

#endif
