/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CHAIN_H
#define CATRUST_CHAIN_H

#include <openssl/x509.h>
#include <stdbool.h>

/* More certificates than this are not looked at above a server's own. */
enum { CHAIN_MAX_DEPTH = 32 };

/* A server's chain in order: each certificate is issued by the next. */
struct chain {
	STACK_OF(X509) * path;	/* the server's own first */
	STACK_OF(X509) * extra; /* sent, but not part of the path */
};

/* Which certificate of the chain stands for all of it. */
enum chain_top {
	CHAIN_ROOT,	    /* self-signed, above the server's own */
	CHAIN_INTERMEDIATE, /* no root is known: the topmost CA */
	CHAIN_OWN_CA,	    /* the server's own certificate: self-signed and a CA */
	CHAIN_OWN,	    /* the server's own certificate: self-signed and no CA */
	CHAIN_NONE,	    /* the server's own certificate, whose issuer is unknown */
};

/*
 * Puts the certificates that a server sent (its own first) in order, and continues the chain with
 * certificates known here. If several fit, a self-signed one is preferred. Returns 0 and *ret, to
 * be freed with chain_clear(), or -1: out of memory.
 */
int chain_build(const STACK_OF(X509) * sent, const STACK_OF(X509) * known, struct chain *ret);

void chain_clear(struct chain *chain);

/* ret: a certificate of the path, which still owns it. */
enum chain_top chain_top(const struct chain *chain, X509 **ret);

bool chain_contains(const STACK_OF(X509) * certs, const X509 *cert);

/* Did it issue itself, judging by names and identifiers? The signature may still be bad. */
bool chain_is_root(X509 *cert);

#endif
