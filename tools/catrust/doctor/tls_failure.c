/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/tls_failure.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/sslerr.h>
#include <string.h>

static const struct {
	int reason;
	enum tls_failure problem;
} reasons[] = {
	{SSL_R_WRONG_VERSION_NUMBER, TLS_PLAIN_TEXT},
	{SSL_R_HTTP_REQUEST, TLS_PLAIN_TEXT},
	{SSL_R_PACKET_LENGTH_TOO_LONG, TLS_PLAIN_TEXT},
	{SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, TLS_OLD_PROTOCOL},
	{SSL_R_UNSUPPORTED_PROTOCOL, TLS_OLD_PROTOCOL},
	{SSL_R_WRONG_SSL_VERSION, TLS_OLD_PROTOCOL},
	{SSL_R_UNKNOWN_PROTOCOL, TLS_OLD_PROTOCOL},
	{SSL_R_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED, TLS_OLD_PROTOCOL},
	{SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, TLS_CLIENT_CERTIFICATE_WANTED},
	{SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED, TLS_LEGACY_RENEGOTIATION},
	{SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY, TLS_NO_COMMON_CIPHER},
	{SSL_R_DH_KEY_TOO_SMALL, TLS_WEAK_KEY_EXCHANGE},
	{SSL_R_TLSV1_UNRECOGNIZED_NAME, TLS_UNKNOWN_NAME},
};

/* Alerts that concern the client's certificate, if it sent one. */
static bool is_about_certificate(int reason)
{
	return reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE ||
	       reason == SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE ||
	       reason == SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED ||
	       reason == SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED ||
	       reason == SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN ||
	       reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA ||
	       reason == SSL_R_TLSV1_ALERT_ACCESS_DENIED ||
	       reason == SSL_R_TLSV1_ALERT_DECRYPT_ERROR ||
	       reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE;
}

enum tls_failure tls_failure_of(const struct handshake_facts *f)
{
	int reason = ERR_GET_REASON(f->error);

	if (f->late)
		return TLS_LATE;
	if (f->error != 0 && ERR_GET_LIB(f->error) == ERR_LIB_SSL) {
		for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
			if (reasons[i].reason == reason)
				return reasons[i].problem;
		if (f->asked && is_about_certificate(reason))
			return f->given ? TLS_CLIENT_CERTIFICATE_REFUSED
					: TLS_CLIENT_CERTIFICATE_WANTED;
		if (reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE)
			return TLS_NO_COMMON_CIPHER;
	}
	if (f->os_error == ECONNRESET || f->os_error == EPIPE)
		return TLS_RESET;
	if (f->eof)
		return TLS_CLOSED;
	return f->error != 0 || f->os_error != 0 ? TLS_OTHER : TLS_FINE;
}

static const struct {
	const char *name;
	struct diagnosis diagnosis;
} tls_causes[] = {
	[TLS_PLAIN_TEXT] = {"plain-text",
			    {"the server does not speak TLS on this port",
			     "use another port or scheme, or STARTTLS (--starttls)", false, false}},
	[TLS_OLD_PROTOCOL] = {"old-protocol",
			      {"the server speaks only outdated versions of TLS (1.0, 1.1), or "
			       "none that Python accepts",
			       "the server must enable TLS 1.2", false, false}},
	[TLS_CLIENT_CERTIFICATE_WANTED] = {"client-certificate-wanted",
					   {"the server wants a client certificate",
					    "give the program one (here: --cert and --key)", false,
					    false}},
	[TLS_CLIENT_CERTIFICATE_REFUSED] =
		{"client-certificate-refused",
		 {"the server refuses the client certificate",
		  "use one that is valid, from a CA that the server trusts for clients", false,
		  false}},
	[TLS_LEGACY_RENEGOTIATION] = {"legacy-renegotiation",
				      {"the server, or a proxy that inspects the connection, does "
				       "not support secure renegotiation (RFC 5746)",
				       "it must be updated; a program can set "
				       "ssl.OP_LEGACY_SERVER_CONNECT at its own risk",
				       false, false}},
	[TLS_NO_COMMON_CIPHER] = {"no-common-cipher",
				  {"the server and Python have no cipher or signature in common",
				   "the server must enable modern ciphers (ECDHE with AES-GCM)",
				   false, false}},
	[TLS_WEAK_KEY_EXCHANGE] = {"weak-key-exchange",
				   {"the server's Diffie-Hellman key is too small",
				    "the server must use ECDHE, or 2048 bits", false, false}},
	[TLS_UNKNOWN_NAME] = {"unknown-name",
			      {"the server has no certificate for the name it was asked for (SNI)",
			       "use another name (--servername), or add this one to the server",
			       false, false}},
	[TLS_RESET] =
		{"reset",
		 {"the connection was reset in the middle of TLS: a firewall or filter may "
		  "do that, or a server that is overloaded or is told to refuse this client",
		  "ask the network's administrator; check whether a proxy is required (--proxy)",
		  false, false}},
	[TLS_CLOSED] =
		{"closed",
		 {"the server closed the connection in the middle of TLS: it may not speak "
		  "TLS on this port, or refuse this client",
		  "use another port, or STARTTLS (--starttls); or ask the server's administrator",
		  false, false}},
	[TLS_LATE] = {"silent",
		      {"the server accepted the connection, and then said nothing in time",
		       "use another port, STARTTLS (--starttls), or more time (--timeout)", false,
		       false}},
	[TLS_OTHER] = {"other",
		       {"TLS failed before the certificate was verified",
			"ask the server's administrator; the words above are OpenSSL's", false,
			false}},
};

const struct diagnosis *tls_failure_diagnosis(enum tls_failure problem)
{
	return problem == TLS_FINE ? NULL : &tls_causes[problem].diagnosis;
}

const char *tls_failure_name(enum tls_failure problem)
{
	return problem == TLS_FINE ? NULL : tls_causes[problem].name;
}

const char *tls_failure_plain_text(const unsigned char *first, size_t len)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *what;
	} known[] = {
		{"HTTP/", 5,
		 "it speaks plain HTTP: use http:// instead of https://, or another port"},
		{"<html", 5,
		 "it speaks plain HTTP: use http:// instead of https://, or another port"},
		{"220", 3, "it speaks SMTP or FTP: use --starttls smtp, or --starttls ftp"},
		{"* OK", 4, "it speaks IMAP: use --starttls imap"},
		{"+OK", 3, "it speaks POP3: use --starttls pop3"},
		{"200", 3, "it speaks NNTP: use --starttls nntp"},
		{"201", 3, "it speaks NNTP: use --starttls nntp"},
		{"\"IMPL", 5, "it speaks ManageSieve: use --starttls sieve"},
		{"<?xml", 5, "it speaks XMPP: use --starttls xmpp"},
		{"<stre", 5, "it speaks XMPP: use --starttls xmpp"},
		{"SSH-", 4, "it speaks SSH, and no TLS at all"},
		{"RFB ", 4, "it speaks VNC, and no TLS at all"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (len >= known[i].len && memcmp(first, known[i].bytes, known[i].len) == 0)
			return known[i].what;
	/* The length of a packet in three bytes, number 0, version 10 of the protocol. */
	if (len >= 5 && first[3] == 0 && first[4] == 10)
		return "it speaks MySQL's protocol: use --starttls mysql";
	return NULL;
}
