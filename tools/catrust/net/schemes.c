/* SPDX-License-Identifier: Apache-2.0 */
#include "net/schemes.h"

#include <string.h>
#include <strings.h>

/* If several have the same port, the port means the first. */
static const struct scheme schemes[] = {
	{"https", 443, STARTTLS_NONE},
	{"smtp", 25, STARTTLS_SMTP},
	{"smtps", 465, STARTTLS_NONE},
	{"submission", 587, STARTTLS_SMTP},
	{"submissions", 465, STARTTLS_NONE},
	{"lmtp", 24, STARTTLS_LMTP},
	{"imap", 143, STARTTLS_IMAP},
	{"imaps", 993, STARTTLS_NONE},
	{"pop3", 110, STARTTLS_POP3},
	{"pop3s", 995, STARTTLS_NONE},
	{"ftp", 21, STARTTLS_FTP},
	{"ftps", 990, STARTTLS_NONE},
	{"ldap", 389, STARTTLS_LDAP},
	{"ldaps", 636, STARTTLS_NONE},
	{"xmpp", 5222, STARTTLS_XMPP},
	{"xmpps", 5223, STARTTLS_NONE},
	{"xmpp-server", 5269, STARTTLS_XMPP_SERVER},
	{"irc", 6667, STARTTLS_IRC},
	{"ircs", 6697, STARTTLS_NONE},
	{"nntp", 119, STARTTLS_NNTP},
	{"nntps", 563, STARTTLS_NONE},
	{"sieve", 4190, STARTTLS_SIEVE},
	{"postgres", 5432, STARTTLS_POSTGRES},
	{"postgresql", 5432, STARTTLS_POSTGRES},
	{"mysql", 3306, STARTTLS_MYSQL},
	{"mariadb", 3306, STARTTLS_MYSQL},
};

enum { SCHEMES = sizeof(schemes) / sizeof(*schemes) };

const struct scheme *scheme_by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < SCHEMES; i++)
		if (strlen(schemes[i].name) == len && strncasecmp(schemes[i].name, name, len) == 0)
			return &schemes[i];
	return NULL;
}

const struct scheme *scheme_by_port(unsigned port)
{
	for (size_t i = 0; i < SCHEMES; i++)
		if (schemes[i].port == port)
			return &schemes[i];
	return NULL;
}
