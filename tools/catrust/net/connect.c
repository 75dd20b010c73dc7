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

static void why_late(struct reason *why, const char *what, int timeout_ms)
{
	reason_set(why, "the server accepted the connection, but %s within %d.%d s", what,
		   timeout_ms / 1000, timeout_ms % 1000 / 100);
}

/*
 * libssl calls this in place of verification, as soon as it has the server's certificates: they are
 * there even if the server breaks off afterwards, for want of a client certificate, say.
 */
static int keep_certs(X509_STORE_CTX *ctx, void *arg)
{
	struct peer *peer = arg;
	const STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(ctx);
	int count = sent == NULL ? 0 : sk_X509_num(sent);

	peer->cut = count > CONNECT_MAX_CERTS;
	if (peer->cut)
		count = CONNECT_MAX_CERTS;
	peer->certs = sk_X509_new_null();
	for (int i = 0; peer->certs != NULL && i < count; i++)
		if (!X509_add_cert(peer->certs, sk_X509_value(sent, i), X509_ADD_FLAG_UP_REF))
			return 0;
	return peer->certs != NULL;
}

/* A server of any age is talked to: its certificates are all that is wanted. */
static SSL_CTX *new_context(struct peer *peer)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, keep_certs, peer);
	SSL_CTX_set_options(ctx, SSL_OP_LEGACY_SERVER_CONNECT);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, 0) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, "DEFAULT:@SECLEVEL=0") != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static void why_tls(struct reason *why, int ssl_error, int error)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

	if (code != 0 && ERR_GET_LIB(code) == ERR_LIB_SSL &&
	    (ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER ||
	     ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST ||
	     ERR_GET_REASON(code) == SSL_R_PACKET_LENGTH_TOO_LONG))
		reason_set(why,
			   "the server does not speak TLS on this port (it may want plain text, or "
			   "STARTTLS first)");
	else if (ssl_error == SSL_ERROR_SYSCALL && error != 0)
		reason_set(why, "the TLS handshake failed: %s", strerror(error));
	else if (reason != NULL && strstr(reason, "unexpected eof") == NULL)
		reason_set(why, "the TLS handshake failed: %s", reason);
	else
		reason_set(why,
			   "the server closed the connection in the middle of the TLS handshake");
}

static int handshake(SSL *ssl, struct transport *transport, int timeout_ms, struct reason *why)
{
	long long deadline = transport_now() + timeout_ms;

	for (;;) {
		int r, ssl_error, error;

		ERR_clear_error();
		errno = 0;
		r = SSL_connect(ssl);
		error = errno;
		if (r == 1)
			return 0;
		ssl_error = SSL_get_error(ssl, r);
		if (ssl_error != SSL_ERROR_WANT_READ && ssl_error != SSL_ERROR_WANT_WRITE) {
			why_tls(why, ssl_error, error);
			return -1;
		}
		r = transport_wait(transport,
				   ssl_error == SSL_ERROR_WANT_WRITE ? TRANSPORT_WRITE
								     : TRANSPORT_READ,
				   deadline);
		if (r > 0)
			continue;
		if (r == 0)
			why_late(why, "no TLS handshake was done", timeout_ms);
		else
			reason_set(why, "waiting for the server failed: %s", strerror(errno));
		return -1;
	}
}

/* The exchange before TLS. Each complete answer of the server's begins a new wait. */
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
				why_late(why, "did not go through STARTTLS", options->timeout_ms);
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

/* A key that wants a passphrase is refused: nobody may be there to type it. */
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
	reason_set(why, "%s: not of use as a client certificate%s: %s", show_text(file, shown),
		   file == key ? "'s key (PEM, without a passphrase)" : " (PEM)",
		   errno != 0	    ? strerror(errno)
		   : reason != NULL ? reason
				    : "unknown error");
	ERR_clear_error();
	return -1;
}

int connect_check_files(const struct connect_options *options, struct reason *why)
{
	struct peer peer;
	SSL_CTX *ctx = new_context(&peer);
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

int connect_peer(const struct target *target, const struct connect_options *options,
		 struct peer *ret, struct reason *why)
{
	struct peer peer = {.certs = NULL};
	struct transport *transport = NULL;
	char servername[TARGET_HOST] = ""; /* OpenSSL's macro wants it without const */
	SSL_CTX *ctx = NULL;
	SSL *ssl = NULL;
	BIO *bio;
	int result = -1;

	if (connect_open(target, options, &transport, why) != 0)
		return -1;
	if (options->servername != NULL)
		snprintf(servername, sizeof(servername), "%s", options->servername);
	ctx = new_context(&peer);
	if (ctx != NULL && connect_use_certificate(ctx, options, why) != 0)
		goto out;
	ssl = ctx == NULL ? NULL : SSL_new(ctx);
	bio = ssl == NULL ? NULL : transport_bio(transport);
	if (bio != NULL)
		SSL_set_bio(ssl, bio, bio);
	if (bio == NULL ||
	    (servername[0] != '\0' && SSL_set_tlsext_host_name(ssl, servername) != 1)) {
		reason_set(why, "OpenSSL can't be set up for a connection");
		goto out;
	}
	if (handshake(ssl, transport, options->timeout_ms, why) == 0)
		SSL_shutdown(ssl);
	else if (peer.certs == NULL)
		goto out;
	else
		peer.broken_off = true;
	if (peer.certs == NULL || sk_X509_num(peer.certs) == 0) {
		reason_set(why, "the server sent no certificate");
		goto out;
	}
	*ret = peer;
	peer.certs = NULL;
	result = 0;
out:
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	transport_close(transport);
	peer_clear(&peer);
	ERR_clear_error();
	return result;
}

void peer_clear(struct peer *peer)
{
	sk_X509_pop_free(peer->certs, X509_free);
	peer->certs = NULL;
}
