/* SPDX-License-Identifier: Apache-2.0 */
#include "net/peer.h"

#include "net/handshake.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

static bool is_plain_text(unsigned long error)
{
	int reason = ERR_GET_REASON(error);

	return error != 0 && ERR_GET_LIB(error) == ERR_LIB_SSL &&
	       (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
		reason == SSL_R_PACKET_LENGTH_TOO_LONG);
}

static void set_reason(const struct handshake_facts *f, int timeout_ms, struct reason *why)
{
	const char *words = f->error == 0 ? NULL : ERR_reason_error_string(f->error);

	if (f->late)
		connect_reason_late(why, "no TLS handshake was done", timeout_ms);
	else if (is_plain_text(f->error))
		reason_set(why, "the server does not speak TLS on this port (it may want plain "
				"text, or STARTTLS first)");
	else if (f->os_error != 0)
		reason_set(why, "the TLS handshake failed: %s", strerror(f->os_error));
	else if (words != NULL && !f->eof)
		reason_set(why, "the TLS handshake failed: %s", words);
	else
		reason_set(why,
			   "the server closed the connection in the middle of the TLS handshake");
}

int peer_connect(const struct target *target, const struct connect_options *options,
		 struct peer *ret, struct reason *why)
{
	static const struct handshake_client any_age = {
		.ciphers = "DEFAULT:@SECLEVEL=0",
		.level = 0,
		.minimum = TLS1_VERSION,
		.more_options = SSL_OP_LEGACY_SERVER_CONNECT,
	};
	struct handshake h;
	int result = -1;

	if (handshake_try(target, options, &any_age, &h, why) != 0)
		return -1;
	if (!h.opened)
		*why = h.why;
	else if (!h.done)
		set_reason(&h.facts, options->timeout_ms, why);
	else if (sk_X509_num(h.certs) <= 0)
		reason_set(why, "the server sent no certificate");
	if (sk_X509_num(h.certs) > 0) {
		*ret = (struct peer){h.certs, h.cut, !h.done};
		h.certs = NULL;
		result = 0;
	}
	handshake_clear(&h);
	return result;
}

void peer_clear(struct peer *peer)
{
	sk_X509_pop_free(peer->certs, X509_free);
	peer->certs = NULL;
}
