/* SPDX-License-Identifier: Apache-2.0 */
#include "net/connect.h"

#include "base/show.h"
#include "net/transport.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void connect_reason_late(struct reason *why, const char *what, int timeout_ms)
{
	reason_set(why, "the server accepted the connection, but %s within %d.%d s", what,
		   timeout_ms / 1000, timeout_ms % 1000 / 100);
}

/* The dialogue before TLS. The time-out starts again after each complete answer. */
static int speak_starttls(struct transport *transport, const struct target *target,
			  const struct connect_options *options, struct reason *why)
{
	long long deadline = transport_now() + options->timeout_ms;
	struct starttls *s = malloc(sizeof(*s));
	char buf[2048];
	int result = -1, step, r = 0;

	if (s == NULL) {
		reason_set(why, "out of memory");
		return -1;
	}
	starttls_start(s, target->starttls,
		       options->servername == NULL ? target->host : options->servername);
	step = s->step;
	while (s->state != STARTTLS_REFUSED) {
		if (s->out_len > 0)
			r = transport_write(transport, s->out, s->out_len, deadline);
		s->out_len = 0;
		if (r >= 0 && s->state == STARTTLS_READY) {
			result = 0;
			break;
		}
		if (r >= 0)
			r = transport_read(transport, buf, sizeof(buf));
		if (r == -EAGAIN) {
			r = transport_wait(transport, TRANSPORT_READ, deadline);
			r = r == 0 ? -ETIMEDOUT : r < 0 ? -errno : 0;
			if (r == 0)
				continue;
		} else if (r == 0) {
			r = -EPIPE;
		}
		if (r < 0) {
			if (r == -ETIMEDOUT)
				connect_reason_late(why, "did not go through STARTTLS",
						    options->timeout_ms);
			else if (r == -EPIPE)
				reason_set(why, "the server closed the connection before STARTTLS");
			else
				reason_set(why, "the connection failed before STARTTLS: %s",
					   strerror(-r));
			break;
		}
		starttls_feed(s, buf, (size_t)r, why);
		r = 0;
		if (s->step != step)
			deadline = transport_now() + options->timeout_ms;
		step = s->step;
	}
	free(s);
	return result;
}

/* Refuses a key that needs a passphrase: there may be no user to type it. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

int connect_use_certificate(SSL_CTX *ctx, const struct connect_options *options, struct reason *why)
{
	const char *key = options->key == NULL ? options->cert : options->key, *file = NULL;
	const char *reason;
	char shown[SHOW_MAX];

	if (options->cert == NULL)
		return 0;
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	ERR_clear_error();
	errno = 0;
	if (SSL_CTX_use_certificate_chain_file(ctx, options->cert) != 1)
		file = options->cert;
	else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
		 SSL_CTX_check_private_key(ctx) != 1)
		file = key;
	if (file == NULL)
		return 0;
	reason = ERR_reason_error_string(ERR_peek_last_error());
	reason_set(why, "%s can't be used as a client certificate%s: %s", show_text(file, shown),
		   file == key ? "'s key (PEM, without a passphrase)" : " (PEM)",
		   errno != 0	    ? strerror(errno)
		   : reason != NULL ? reason
				    : "unknown error");
	ERR_clear_error();
	return -1;
}

int connect_check_files(const struct connect_options *options, struct reason *why)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int result = -1;

	if (ctx == NULL)
		reason_set(why, "OpenSSL can't be set up for a connection");
	else
		result = connect_use_certificate(ctx, options, why);
	SSL_CTX_free(ctx);
	return result;
}

int connect_open(const struct target *target, const struct connect_options *options,
		 struct transport **ret, struct reason *why)
{
	struct transport *transport = NULL;

	if (transport_open(target, options->proxy, options->proxy_cas, options->timeout_ms,
			   &transport, why) != 0)
		return -1;
	if (target->starttls != STARTTLS_NONE &&
	    speak_starttls(transport, target, options, why) != 0) {
		transport_close(transport);
		return -1;
	}
	*ret = transport;
	return 0;
}
