/* SPDX-License-Identifier: Apache-2.0 */
#include "net/handshake.h"

#include "net/transport.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

/* How long the server has after the handshake to ask for a certificate. */
enum { FIRST_READ_MS = 5000 };

struct work {
	struct handshake *result;
	bool ticket; /* the server sent a session ticket, so it accepted the handshake */
};

/*
 * libssl calls this instead of verification, as soon as it has the server's certificates. So they
 * are kept even if the server breaks off later, for example because it wants a client certificate.
 */
static int keep_certs(X509_STORE_CTX *ctx, void *arg)
{
	struct work *w = arg;
	const STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(ctx);
	STACK_OF(X509) *certs = sk_X509_new_null();
	int count = sent == NULL ? 0 : sk_X509_num(sent);

	w->result->cut = count > HANDSHAKE_MAX_CERTS;
	for (int i = 0; certs != NULL && i < count && i < HANDSHAKE_MAX_CERTS; i++)
		if (!X509_add_cert(certs, sk_X509_value(sent, i), X509_ADD_FLAG_UP_REF)) {
			sk_X509_pop_free(certs, X509_free);
			certs = NULL;
		}
	sk_X509_pop_free(w->result->certs, X509_free);
	w->result->certs = certs;
	return certs != NULL;
}

/* libssl calls this if the server asks for a certificate. */
static int on_asked(SSL *ssl, void *arg)
{
	struct work *w = arg;

	(void)ssl;
	w->result->facts.asked = true;
	return 1;
}

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
	struct work *w = SSL_get_app_data(ssl);

	(void)session;
	w->ticket = true;
	return 0;
}

static long watch_first(BIO *bio, int operation, const char *data, size_t len, int argi, long argl,
			int ret, size_t *processed)
{
	struct work *w = (struct work *)(void *)BIO_get_callback_arg(bio);
	struct handshake_facts *f = &w->result->facts;

	(void)len;
	(void)argi;
	(void)argl;
	if (operation == (BIO_CB_READ | BIO_CB_RETURN) && ret > 0 && processed != NULL)
		for (size_t i = 0; i < *processed && f->first_len < sizeof(f->first); i++)
			f->first[f->first_len++] = (unsigned char)data[i];
	return ret;
}

static SSL_CTX *new_context(const struct handshake_client *client, struct work *w)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	bool ok = ctx != NULL && SSL_CTX_set_min_proto_version(ctx, client->minimum) == 1 &&
		  SSL_CTX_set_cipher_list(ctx, client->ciphers) == 1;

	if (!ok) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	if (client->level >= 0)
		SSL_CTX_set_security_level(ctx, client->level);
	SSL_CTX_set_options(ctx, SSL_OP_ALL | SSL_OP_NO_COMPRESSION | client->more_options);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, keep_certs, w);
	SSL_CTX_set_cert_cb(ctx, on_asked, w);
	SSL_CTX_set_session_cache_mode(ctx,
				       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
	SSL_CTX_sess_set_new_cb(ctx, on_ticket);
	return ctx;
}

enum outcome { GOES_ON, DONE, FAILED };

static void note_failure(struct handshake_facts *f, int ssl_error, int os_error)
{
	f->error = ERR_peek_last_error();
	if (f->error != 0 && ERR_GET_LIB(f->error) == ERR_LIB_SYS)
		f->error = 0;
	if (f->error != 0 && ERR_GET_LIB(f->error) == ERR_LIB_SSL &&
	    ERR_GET_REASON(f->error) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		f->eof = true;
	else if (ssl_error == SSL_ERROR_SYSCALL && f->error == 0 && os_error != 0)
		f->os_error = os_error;
	else if (f->error == 0)
		f->eof = true;
	/* SSL_OP_IGNORE_UNEXPECTED_EOF reports an EOF in this way. */
	f->closed = f->eof && ssl_error == SSL_ERROR_ZERO_RETURN;
}

/* One step of step(ssl). */
static enum outcome advance(SSL *ssl, int (*step)(SSL *ssl), struct transport *transport,
			    long long deadline, struct handshake_facts *f)
{
	int r, ssl_error, os_error;

	ERR_clear_error();
	errno = 0;
	r = step(ssl);
	os_error = errno;
	if (r == 1)
		return DONE;
	ssl_error = SSL_get_error(ssl, r);
	if (ssl_error != SSL_ERROR_WANT_READ && ssl_error != SSL_ERROR_WANT_WRITE) {
		note_failure(f, ssl_error, os_error);
		return FAILED;
	}
	r = transport_wait(transport,
			   ssl_error == SSL_ERROR_WANT_WRITE ? TRANSPORT_WRITE : TRANSPORT_READ,
			   deadline);
	if (r > 0)
		return GOES_ON;
	f->late = r == 0;
	f->os_error = r == 0 ? 0 : errno;
	return FAILED;
}

static int peek(SSL *ssl)
{
	char byte;

	return SSL_peek(ssl, &byte, 1);
}

/* Under TLS 1.3, the client is done before the server checks its certificate: the first read shows
 * whether the server objects. Silence means no objection. */
static void read_on(SSL *ssl, struct transport *transport, int timeout_ms, struct work *w)
{
	struct handshake_facts *f = &w->result->facts;
	long long deadline =
		transport_now() + (timeout_ms < FIRST_READ_MS ? timeout_ms : FIRST_READ_MS);
	enum outcome outcome = GOES_ON;

	while (outcome == GOES_ON && !w->ticket)
		outcome = advance(ssl, peek, transport, deadline, f);
	if (outcome != FAILED)
		return;
	/* If a server closes without an alert, it may simply have nothing to say. */
	if (f->late || f->eof) {
		f->late = f->eof = f->closed = false;
		f->error = 0;
		f->os_error = 0;
	}
}

static void run(SSL *ssl, struct transport *transport, int timeout_ms, bool reads_on,
		struct work *w)
{
	long long deadline = transport_now() + timeout_ms;
	struct handshake_facts *f = &w->result->facts;
	enum outcome outcome = GOES_ON;

	while (outcome == GOES_ON)
		outcome = advance(ssl, SSL_connect, transport, deadline, f);
	if (outcome == FAILED)
		return;
	w->result->done = true;
	if (reads_on && SSL_version(ssl) >= TLS1_3_VERSION && f->asked)
		read_on(ssl, transport, timeout_ms, w);
	ERR_clear_error();
	SSL_shutdown(ssl);
}

int handshake_try(const struct target *target, const struct connect_options *options,
		  const struct handshake_client *client, struct handshake *ret, struct reason *why)
{
	struct handshake h = {.certs = NULL};
	struct work work = {.result = &h};
	struct transport *transport = NULL;
	char servername[TARGET_HOST] = ""; /* OpenSSL's macro does not accept const */
	SSL_CTX *ctx = NULL;
	SSL *ssl = NULL;
	BIO *bio = NULL;
	int result = -1;

	if (connect_open(target, options, &transport, &h.why) != 0) {
		*ret = h;
		return 0;
	}
	h.opened = true;
	if (options->servername != NULL)
		snprintf(servername, sizeof(servername), "%s", options->servername);
	reason_set(why, "OpenSSL can't be set up for a connection");
	ctx = new_context(client, &work);
	if (ctx == NULL)
		goto out;
	if (options->cert != NULL && connect_use_certificate(ctx, options, why) != 0)
		goto out;
	h.facts.given = options->cert != NULL;
	ssl = SSL_new(ctx);
	bio = ssl == NULL ? NULL : transport_bio(transport);
	if (bio == NULL)
		goto out;
	SSL_set_bio(ssl, bio, bio);
	BIO_set_callback_arg(bio, (char *)&work);
	BIO_set_callback_ex(bio, watch_first);
	SSL_set_app_data(ssl, &work);
	if (servername[0] != '\0' && SSL_set_tlsext_host_name(ssl, servername) != 1)
		goto out;
	run(ssl, transport, options->timeout_ms, client->reads_on, &work);
	*ret = h;
	h.certs = NULL;
	result = 0;
out:
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	transport_close(transport);
	handshake_clear(&h);
	ERR_clear_error();
	return result;
}

void handshake_clear(struct handshake *h)
{
	sk_X509_pop_free(h->certs, X509_free);
	h->certs = NULL;
}
