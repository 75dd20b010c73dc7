/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TRANSPORT_H
#define CATRUST_TRANSPORT_H

#include "anchors/trustdir.h"
#include "base/reason.h"
#include "net/target.h"

#include <curl/curl.h>
#include <openssl/bio.h>
#include <openssl/x509.h>
#include <stddef.h>

/* A connection to a server, directly or through a proxy, by libcurl. */
struct transport;

/* CAs, each marked for TLS servers (X509_add1_trust_object()), and their scopes. */
struct transport_cas {
	struct transport_ca {
		X509 *cert;
		const struct scope_list *scopes; /* NULL: every name */
	} * item;
	size_t count;
};

/*
 * proxy: a URL; "": none; NULL: from the environment, with curl's names for the variables. no_proxy
 * always counts. proxy_cas, or NULL: the CAs that may vouch for a proxy with TLS, besides those
 * that libcurl trusts. Returns 0 and *ret, to be freed with transport_close(), or -1 and *why.
 */
int transport_open(const struct target *target, const char *proxy,
		   const struct transport_cas *proxy_cas, int timeout_ms, struct transport **ret,
		   struct reason *why);

void transport_close(struct transport *t); /* t may be NULL */

enum transport_wait { TRANSPORT_READ, TRANSPORT_WRITE };

/* Milliseconds of a clock that never goes back, for deadlines. */
long long transport_now(void);

/* Returns 1 if t is ready, 0 after the deadline, or -1 and errno. */
int transport_wait(const struct transport *t, enum transport_wait what, long long deadline);

/* Returns the number of bytes read, 0 at the end, -EAGAIN, or another negative errno. */
int transport_read(struct transport *t, void *buf, size_t size);

/* Writes everything before the deadline. Returns 0, or a negative errno. */
int transport_write(struct transport *t, const void *data, size_t len, long long deadline);

/* A BIO for libssl. It does not own t. NULL: out of memory. */
BIO *transport_bio(struct transport *t);

/* Must be set for each request, so that libcurl does not wait for a slow resolver. */
void transport_leave_resolver(CURL *curl);

/* The environment's proxy for a target, or NULL. Does not look at no_proxy. */
const char *transport_environment_proxy(const char *scheme);

#endif
