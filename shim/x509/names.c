/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/names.h"

#include "libc/text.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alphanumeric(char c)
{
	return is_digit(c) || (text_lower(c) >= 'a' && text_lower(c) <= 'z');
}

static bool is_all_digits(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_digit(s[i]))
			return false;
	return true;
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* No control characters, and no characters that end a string or a list of names in some client. */
static bool is_plain(const char *s, size_t len, const char *but)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f || is_one_of(s[i], but))
			return false;
	return true;
}

/* Up to the first of these, or all of it. */
static size_t length_before(const char *s, size_t len, const char *ends)
{
	size_t i = 0;

	while (i < len && !is_one_of(s[i], ends))
		i++;
	return i;
}

static void take_text(struct name *name, const char *s, size_t len)
{
	memcpy(name->text, s, len);
	name->text[len] = '\0';
}

/* Letters, digits and hyphens, and the characters of service names and wildcards. */
static void take_domain(struct name *name, const char *s, size_t len)
{
	if (len == 0 || len >= NAMES_TEXT)
		return;
	for (size_t i = 0; i < len; i++)
		if (!is_alphanumeric(s[i]) && !is_one_of(s[i], "-_.*"))
			return;
	take_text(name, s, len);
	name->host = NAME_IS_HOST;
}

/* Is text one address that inet_pton() accepts? */
static bool take_address(struct name *name, int family, const char *s, size_t len)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (len == 0 || len >= sizeof(text) || memchr(s, '\0', len) != NULL)
		return false;
	memcpy(text, s, len);
	if (inet_pton(family, text, name->address) != 1)
		return false;
	take_text(name, s, len);
	name->address_len = family == AF_INET ? 4 : 16;
	name->host = NAME_IS_ADDRESS;
	return true;
}

static void read_address(struct name *name, struct span value)
{
	int family = value.len == 4 ? AF_INET : AF_INET6;

	if ((value.len != 4 && value.len != 16) ||
	    inet_ntop(family, value.at, name->text, sizeof(name->text)) == NULL)
		return;
	memcpy(name->address, value.at, value.len);
	name->address_len = value.len;
	name->host = NAME_IS_ADDRESS;
}

/*
 * user@domain. The user may have any character except those at which some program ends an address.
 */
static void read_mailbox(struct name *name, const char *s, size_t len, bool user_needed)
{
	size_t user = length_before(s, len, "@");

	if (user == len && !user_needed)
		take_domain(name, s, len);
	else if (user > 0 && user < len && is_plain(s, user, "\"(),/:;<>[\\]"))
		take_domain(name, s + user + 1, len - user - 1);
}

static void read_service(struct name *name, const char *s, size_t len)
{
	size_t service = length_before(s, len, ".");

	if (service > 1 && service < len && s[0] == '_' && is_plain(s, service, "@"))
		take_domain(name, s + service + 1, len - service - 1);
}

/* authority = [ userinfo "@" ] host [ ":" port ] */
static void read_authority(struct name *name, const char *s, size_t len)
{
	size_t user = length_before(s, len, "@"), host;

	if (user < len) {
		s += user + 1;
		len -= user + 1;
	}
	host = length_before(s, len, ":");
	if (len > 0 && s[0] == '[') {
		host = length_before(s, len, "]");
		if (host == len || !take_address(name, AF_INET6, s + 1, host - 1))
			return;
		host++;
	} else if (!take_address(name, AF_INET, s, host)) {
		take_domain(name, s, host);
	}
	if (host < len && (s[host] != ':' || !is_all_digits(s + host + 1, len - host - 1)))
		name->host = NAME_IS_UNREADABLE;
}

static bool has_scheme(const char *s, size_t len, const char *scheme)
{
	if (len != strlen(scheme))
		return false;
	for (size_t i = 0; i < len; i++)
		if (text_lower(s[i]) != scheme[i])
			return false;
	return true;
}

/* Among URIs without an authority, SIP URIs name a server (RFC 5922 7.1), and URNs name none. */
static void read_uri(struct name *name, const char *s, size_t len)
{
	size_t scheme = length_before(s, len, ":"), authority;
	const char *rest = s + scheme + 1;

	if (scheme == 0 || scheme == len || !is_plain(s, len, "\"<>\\^`{|}"))
		return;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] >= 0x80 ||
		    (i < scheme && !is_alphanumeric(s[i]) && !is_one_of(s[i], "+-.")))
			return;
	len -= scheme + 1;
	if (len >= 2 && rest[0] == '/' && rest[1] == '/') {
		authority = length_before(rest + 2, len - 2, "/?#");
		read_authority(name, rest + 2, authority);
	} else if (has_scheme(s, scheme, "sip") || has_scheme(s, scheme, "sips")) {
		authority = length_before(rest, len, ";?");
		/*
		 * A user name may contain these, too; then it is not clear where the host begins.
		 */
		if (memchr(rest + authority, '@', len - authority) == NULL)
			read_authority(name, rest, authority);
	} else if (has_scheme(s, scheme, "urn")) {
		name->host = NAME_IS_NO_HOST;
	}
}

/* id-on of RFC 5280's arc for PKIX: 1.3.6.1.5.5.7.8 and one more number. */
static int number_of_type(struct span oid)
{
	static const unsigned char id_on[] = {0x2b, 6, 1, 5, 5, 7, 8};

	if (oid.len != sizeof(id_on) + 1 || memcmp(oid.at, id_on, sizeof(id_on)) != 0)
		return -1;
	return oid.at[sizeof(id_on)];
}

/* OtherName ::= SEQUENCE { type-id OBJECT IDENTIFIER, value [0] EXPLICIT ANY } */
static void read_other(struct name *name, struct span other)
{
	enum { XMPP_ADDR = 5, SRV_NAME = 7, NAI_REALM = 8, SMTP_UTF8_MAILBOX = 9 };
	struct span oid, value, text;
	unsigned char tag;
	const char *s;
	int number;

	if (!der_expect(&other, DER_OID, &oid) || !der_expect(&other, DER_CONTEXT_0, &value) ||
	    other.len > 0)
		return;
	number = number_of_type(oid);
	name->kind = number == XMPP_ADDR	   ? NAME_XMPP
		     : number == SRV_NAME	   ? NAME_SRV
		     : number == NAI_REALM	   ? NAME_REALM
		     : number == SMTP_UTF8_MAILBOX ? NAME_EMAIL
						   : NAME_OTHER;
	if (name->kind == NAME_OTHER) {
		name->host = NAME_IS_NO_HOST;
		return;
	}
	if (!der_next(&value, &tag, &text) || value.len > 0 ||
	    (tag != DER_UTF8_STRING && tag != DER_IA5_STRING))
		return;
	s = (const char *)text.at;
	name->unreadable = text;
	if (name->kind == NAME_SRV)
		read_service(name, s, text.len);
	else if (name->kind == NAME_REALM)
		take_domain(name, s, text.len);
	else
		read_mailbox(name, s, text.len, name->kind == NAME_EMAIL);
}

/* GeneralName, with the implicit tags of RFC 5280. */
static void read_general_name(struct name *name, unsigned char tag, struct span value)
{
	enum { OTHER = 0xa0, EMAIL = 0x81, DNS, X400 = 0xa3, DIRECTORY, EDI, URI = 0x86, IP, OID };
	const char *s = (const char *)value.at;

	switch (tag) {
	case OTHER:
		read_other(name, value);
		break;
	case EMAIL:
		name->kind = NAME_EMAIL;
		read_mailbox(name, s, value.len, true);
		break;
	case DNS:
		name->kind = NAME_DNS;
		take_domain(name, s, value.len);
		break;
	case URI:
		name->kind = NAME_URI;
		read_uri(name, s, value.len);
		break;
	case IP:
		name->kind = NAME_ADDRESS;
		read_address(name, value);
		break;
	case X400:
	case DIRECTORY:
	case EDI:
	case OID:
		name->host = NAME_IS_NO_HOST;
		break;
	default:
		break;
	}
}

bool names_open(const unsigned char *der, size_t len, struct span *ret)
{
	struct span all = {der, len};

	return der_expect(&all, DER_SEQUENCE, ret) && all.len == 0;
}

bool names_next(struct span *rest, struct name *ret)
{
	struct span value;
	unsigned char tag;

	if (rest->len == 0)
		return false;
	*ret = (struct name){.kind = NAME_OTHER, .host = NAME_IS_UNREADABLE, .unreadable = *rest};
	if (!der_next(rest, &tag, &value)) {
		rest->len = 0;
		return true;
	}
	ret->unreadable = value;
	read_general_name(ret, tag, value);
	if (ret->host == NAME_IS_UNREADABLE) {
		ret->text[0] = '\0';
		ret->address_len = 0;
	}
	return true;
}

/*
 * Words such as "Our test server": they have a space in the last label, which no host name has. If
 * the space is further to the left, the name is compared like any other, because "a b.bank.example"
 * could get at the cookies of bank.example. Clients encode the name of the host as they like, and
 * compare it with the common name byte by byte. So OpenSSL's idea of a plausible name (cn2dnsid()
 * in crypto/x509/v3_ncons.c) does not tell which common names no client accepts. Some parsers of
 * addresses, such as glibc's inet_aton(), ignore what follows a space.
 */
static bool is_title(const char *cn)
{
	const char *dot = strrchr(cn, '.'), *last = dot == NULL ? cn : dot + 1;
	const char *space = strchr(last, ' ');

	return cn[0] == '\0' || (space != NULL && last[strlen(last) - 1] != ' ' &&
				 cn[strspn(cn, "0123456789.:")] != ' ');
}

/*
 * The name of a node in Kubernetes, system:node:NAME, which is neither an address nor a host with a
 * port.
 */
static bool is_kubernetes_user(const char *cn)
{
	static const char prefix[] = "system:node:";

	return strncmp(cn, prefix, sizeof(prefix) - 1) == 0 && strchr(cn, '.') == NULL;
}

void names_common(const unsigned char *text, size_t len, struct name *ret)
{
	const char *s = len == 0 ? "" : (const char *)text;

	*ret = (struct name){
		.kind = NAME_COMMON, .host = NAME_IS_UNREADABLE, .unreadable = {text, len}};
	if (len >= NAMES_TEXT)
		return;
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] == 0x7f)
			return;
	if (take_address(ret, AF_INET, s, len) || take_address(ret, AF_INET6, s, len))
		return;
	take_text(ret, s, len);
	ret->host = is_title(ret->text) || is_kubernetes_user(ret->text) ? NAME_IS_NO_HOST
									 : NAME_IS_HOST;
}

/* The names that /etc/hosts of Debian and of Fedora have for the machine itself. */
static bool is_own_machine(const char *word, size_t len)
{
	static const char *const names[] = {"localhost", "localhost4", "localhost6",
					    "ip6-localhost", "ip6-loopback"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (has_scheme(word, len, names[i]))
			return true;
	return false;
}

/* An address in a form that inet_aton() accepts: 2130706433 and 0x7f000001 are 127.0.0.1. */
static bool is_number(const char *word, size_t len)
{
	return is_all_digits(word, len) ||
	       (len > 1 && word[0] == '0' && text_lower(word[1]) == 'x');
}

/* systemd-resolved makes up names that begin with _, such as _gateway. */
bool names_is_first_label(const char *word, const struct name *dns)
{
	size_t len = strlen(word);

	if (dns->kind != NAME_DNS || dns->host != NAME_IS_HOST || len == 0 || word[0] == '_' ||
	    is_own_machine(word, len) || is_number(word, len))
		return false;
	for (size_t i = 0; i < len; i++)
		if ((!is_alphanumeric(word[i]) && word[i] != '-' && word[i] != '_') ||
		    text_lower(word[i]) != text_lower(dns->text[i]))
			return false;
	return dns->text[len] == '.';
}

const char *names_kind(enum name_kind kind)
{
	static const char *const kinds[] = {
		[NAME_DNS] = "DNS name",
		[NAME_ADDRESS] = "address",
		[NAME_URI] = "URI",
		[NAME_EMAIL] = "e-mail address",
		[NAME_SRV] = "SRV name",
		[NAME_XMPP] = "XMPP address",
		[NAME_REALM] = "RADIUS realm",
		[NAME_COMMON] = "common name",
		[NAME_OTHER] = "name",
	};

	return kinds[kind];
}
