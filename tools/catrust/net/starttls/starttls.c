/* SPDX-License-Identifier: Apache-2.0 */
#include "net/starttls/starttls.h"

#include "base/escape.h"
#include "net/starttls/starttls_steps.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* PostgreSQL's SSLRequest: its length and its code. */
static const unsigned char postgres_request[] = {0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f};

/* LDAP: message 1, an ExtendedRequest with StartTLS's OID. */
static const unsigned char ldap_request[] = "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
					    "1.3.6.1.4.1.1466.20037";

static const struct {
	const char *name;
	size_t (*take)(struct starttls *s, struct reason *why);
} protocols[STARTTLS_PROTOCOLS] = {
	[STARTTLS_NONE] = {"none", NULL},
	[STARTTLS_SMTP] = {"smtp", starttls_take_line},
	[STARTTLS_LMTP] = {"lmtp", starttls_take_line},
	[STARTTLS_IMAP] = {"imap", starttls_take_line},
	[STARTTLS_POP3] = {"pop3", starttls_take_line},
	[STARTTLS_FTP] = {"ftp", starttls_take_line},
	[STARTTLS_LDAP] = {"ldap", starttls_take_ldap},
	[STARTTLS_XMPP] = {"xmpp", starttls_take_xmpp},
	[STARTTLS_XMPP_SERVER] = {"xmpp-server", starttls_take_xmpp},
	[STARTTLS_IRC] = {"irc", starttls_take_line},
	[STARTTLS_NNTP] = {"nntp", starttls_take_line},
	[STARTTLS_SIEVE] = {"sieve", starttls_take_line},
	[STARTTLS_POSTGRES] = {"postgres", starttls_take_postgres},
	[STARTTLS_MYSQL] = {"mysql", starttls_take_mysql},
};

const char *starttls_name(enum starttls_protocol protocol)
{
	return protocols[protocol].name;
}

bool starttls_by_name(const char *name, enum starttls_protocol *ret)
{
	if (strcasecmp(name, "postgresql") == 0)
		name = "postgres";
	for (int i = 0; i < STARTTLS_PROTOCOLS; i++)
		if (strcasecmp(protocols[i].name, name) == 0) {
			*ret = (enum starttls_protocol)i;
			return true;
		}
	return false;
}

void starttls_say(struct starttls *s, const void *bytes, size_t len)
{
	if (len > sizeof(s->out) - s->out_len)
		return; /* what is said is short, and said once a step */
	memcpy(s->out + s->out_len, bytes, len);
	s->out_len += len;
}

void starttls_say_text(struct starttls *s, const char *text)
{
	starttls_say(s, text, strlen(text));
}

void starttls_refuse(struct starttls *s, struct reason *why, const char *wrong, const void *said,
		     size_t len)
{
	char shown[400];

	s->state = STARTTLS_REFUSED;
	if (len == 0)
		reason_set(why, "STARTTLS (%s): %s", starttls_name(s->protocol), wrong);
	else
		reason_set(why, "STARTTLS (%s): %s: %s", starttls_name(s->protocol), wrong,
			   escape(shown, sizeof(shown), said, len, 0));
}

static void open_stream(struct starttls *s, const char *kind)
{
	char text[STARTTLS_OUT];

	snprintf(text, sizeof(text),
		 "<?xml version='1.0'?><stream:stream "
		 "xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:%s' to='%s' "
		 "version='1.0'>",
		 kind, s->host);
	starttls_say_text(s, text);
}

void starttls_start(struct starttls *s, enum starttls_protocol protocol, const char *host)
{
	*s = (struct starttls){.protocol = protocol,
			       .state = protocol == STARTTLS_NONE ? STARTTLS_READY : STARTTLS_WAIT};
	snprintf(s->host, sizeof(s->host), "%s", host);
	switch (protocol) {
	case STARTTLS_LDAP:
		starttls_say(s, ldap_request, sizeof(ldap_request) - 1);
		break;
	case STARTTLS_POSTGRES:
		starttls_say(s, postgres_request, sizeof(postgres_request));
		break;
	case STARTTLS_IRC:
		starttls_say_text(s, "STARTTLS\r\n");
		break;
	case STARTTLS_XMPP:
		open_stream(s, "client");
		break;
	case STARTTLS_XMPP_SERVER:
		open_stream(s, "server");
		break;
	default: /* the server speaks first */
		break;
	}
}

enum starttls_state starttls_feed(struct starttls *s, const void *bytes, size_t len,
				  struct reason *why)
{
	const unsigned char *rest = bytes;

	while (s->state == STARTTLS_WAIT) {
		size_t room = sizeof(s->in) - s->in_len, part = len < room ? len : room, taken;

		memcpy(s->in + s->in_len, rest, part);
		s->in_len += part;
		s->total += part;
		rest += part;
		len -= part;
		taken = s->in_len == 0 ? 0 : protocols[s->protocol].take(s, why);
		s->in_len -= taken;
		memmove(s->in, s->in + taken, s->in_len);
		if (s->state != STARTTLS_WAIT)
			break;
		if (s->total > STARTTLS_MAX_TOTAL || (taken == 0 && s->in_len == sizeof(s->in))) {
			starttls_refuse(s, why, "the server's answer does not end", NULL, 0);
			break;
		}
		if (taken == 0)
			break; /* all of bytes is in, and is not enough */
	}
	if (s->state == STARTTLS_READY && s->in_len + len > 0)
		starttls_refuse(s, why,
				"the server sent more than its permission to start TLS: an "
				"attacker may have inserted the rest",
				NULL, 0);
	return s->state;
}
