/* SPDX-License-Identifier: Apache-2.0 */
/* LDAP, PostgreSQL and MySQL: packets with a length. */
#include "net/starttls/starttls_steps.h"

#include "x509/der.h"

#include <stdint.h>
#include <string.h>

enum { BER_ENUMERATED = 0x0a, LDAP_EXTENDED_RESPONSE = 0x78 };

/* ExtendedResponse: resultCode, matchedDN, diagnosticMessage, and more that does not matter. */
static void on_ldap(struct starttls *s, struct span message, struct reason *why)
{
	struct span id, response, code, dn, text;

	if (!der_expect(&message, DER_INTEGER, &id) ||
	    !der_expect(&message, LDAP_EXTENDED_RESPONSE, &response) ||
	    !der_expect(&response, BER_ENUMERATED, &code) || code.len != 1 ||
	    !der_expect(&response, DER_OCTET_STRING, &dn) ||
	    !der_expect(&response, DER_OCTET_STRING, &text))
		starttls_refuse(s, why, "the server's answer is not LDAP", NULL, 0);
	else if (code.at[0] != 0)
		starttls_refuse(s, why, "the server refuses", text.at, text.len);
	else
		s->state = STARTTLS_READY;
}

size_t starttls_take_ldap(struct starttls *s, struct reason *why)
{
	struct span all = {s->in, s->in_len}, message;
	size_t header, len = 0;
	enum der_peek r = s->in[0] == DER_SEQUENCE ? der_peek(&all, &header, &len) : DER_INVALID;

	if (r == DER_INVALID || len > STARTTLS_MAX_PIECE) {
		starttls_refuse(s, why, "the server's answer is not LDAP", NULL, 0);
		return 0;
	}
	if (r == DER_SHORT || !der_expect(&all, DER_SEQUENCE, &message))
		return 0;
	on_ldap(s, message, why);
	return s->in_len - all.len;
}

size_t starttls_take_postgres(struct starttls *s, struct reason *why)
{
	switch (s->in[0]) {
	case 'S':
		s->state = STARTTLS_READY;
		break;
	case 'N':
		starttls_refuse(s, why, "the server does not support TLS", NULL, 0);
		break;
	default:
		starttls_refuse(s, why, "the server's answer is not the PostgreSQL protocol", s->in,
				s->in_len < 200 ? s->in_len : 200);
	}
	return 1;
}

enum {
	MYSQL_HEADER = 4,
	MYSQL_ERROR = 0xff,
	MYSQL_PROTOCOL = 10,
	MYSQL_CLIENT_SSL = 0x0800,
};

/* Protocol version, server version (a string), connection (4), salt (8), 0, capabilities (2). */
static void on_mysql_greeting(struct starttls *s, struct span packet, struct reason *why)
{
	/* 32 bytes, number 1: LONG_PASSWORD, PROTOCOL_41, SSL, SECURE_CONNECTION; 16 MiB; UTF-8 */
	static const unsigned char request[MYSQL_HEADER + 32] = {32, 0, 0, 1, 0x01, 0x8a, 0,
								 0,  0, 0, 0, 1,    33};
	const unsigned char *end =
		packet.len == 0 ? NULL : memchr(packet.at + 1, '\0', packet.len - 1);
	const size_t to_capabilities = 1 + 4 + 8 + 1;
	size_t left = end == NULL ? 0 : packet.len - (size_t)(end - packet.at);

	if (packet.len > 3 && packet.at[0] == MYSQL_ERROR) {
		starttls_refuse(s, why, "the server says", packet.at + 3, packet.len - 3);
	} else if (end == NULL || packet.at[0] != MYSQL_PROTOCOL || left < to_capabilities + 2) {
		starttls_refuse(s, why, "the server's greeting is not the MySQL protocol", NULL, 0);
	} else if (((end[to_capabilities] | end[to_capabilities + 1] << 8) & MYSQL_CLIENT_SSL) ==
		   0) {
		starttls_refuse(s, why, "the server does not support TLS", NULL, 0);
	} else {
		starttls_say(s, request, sizeof(request));
		s->state = STARTTLS_READY;
	}
}

size_t starttls_take_mysql(struct starttls *s, struct reason *why)
{
	size_t len;

	if (s->in_len < MYSQL_HEADER)
		return 0;
	len = (size_t)s->in[0] | (size_t)s->in[1] << 8 | (size_t)s->in[2] << 16;
	if (len > STARTTLS_MAX_PIECE - MYSQL_HEADER) {
		starttls_refuse(s, why, "the server's greeting is not the MySQL protocol", NULL, 0);
		return 0;
	}
	if (s->in_len - MYSQL_HEADER < len)
		return 0;
	on_mysql_greeting(s, (struct span){s->in + MYSQL_HEADER, len}, why);
	return MYSQL_HEADER + len;
}
