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

/* A connection to a server, through a proxy or not, by libcurl. */
struct transport;

/* CAs, each marked for TLS servers (X509_add1_trust_object()), and what they may vouch for. */
struct transport_cas {
	struct transport_ca {
		X509 *cert;
		const struct scope_list *scopes; /* NULL: every name */
	} * item;
	size_t count;
};

/*
 * proxy: a URL; "": none; NULL: the environment's, with curl's names for the variables. no_proxy
 * counts in any case. proxy_cas, or NULL: who may vouch for a proxy that is reached over TLS,
 * besides those that libcurl trusts. Returns 0 and *ret, to be freed with transport_close(), or -1
 * and *why.
 */
int transport_open(const struct target *target, const char *proxy,
		   const struct transport_cas *proxy_cas, int timeout_ms, struct transport **ret,
		   struct reason *why);

void transport_close(struct transport *t); /* NULL is fine */

enum transport_wait { TRANSPORT_READ, TRANSPORT_WRITE };

/* Milliseconds of a clock that only goes forward, for deadlines. */
long long transport_now(void);

/* Returns 1 when it can go on, 0 when the deadline is over, or -1 and errno. */
int transport_wait(const struct transport *t, enum transport_wait what, long long deadline);

/* Returns the bytes read, 0 at the end, -EAGAIN, or another negative errno. */
int transport_read(struct transport *t, void *buf, size_t size);

/* All of it, before the deadline. Returns 0, or a negative errno. */
int transport_write(struct transport *t, const void *data, size_t len, long long deadline);

/* For libssl. It does not own t. NULL: out of memory. */
BIO *transport_bio(struct transport *t);

/* To be set for each request: libcurl then does not wait for a resolver that is late. */
void transport_leave_resolver(CURL *curl);

/* The proxy that the environment names for a target, or NULL. no_proxy is not looked at. */
const char *transport_environment_proxy(const char *scheme);

#endif
