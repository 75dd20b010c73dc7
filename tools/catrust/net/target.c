/* SPDX-License-Identifier: Apache-2.0 */
#include "net/target.h"

#include "net/schemes.h"

#include <arpa/inet.h>
#ifdef CATRUST_IDN
#include <idn2.h>
#endif
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A part of the text being read. */
struct span {
	const char *at;
	size_t len;
};

static const char *read_port(struct span text, unsigned *ret)
{
	unsigned port = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return "the port is not a number";
		port = port * 10 + (unsigned)(text.at[i] - '0');
		if (port > 65535)
			return "the port is larger than 65535";
	}
	if (port == 0)
		return text.len == 0 ? "the port is missing" : "there is no port 0";
	*ret = port;
	return NULL;
}

/* Appends %eth0 or %2 to the address; URLs write the percent sign as %25. */
static const char *read_zone(struct span zone, struct target *t)
{
	size_t at = strlen(t->host);

	if (zone.len > 2 && strncmp(zone.at, "25", 2) == 0) {
		zone.at += 2;
		zone.len -= 2;
	}
	if (zone.len == 0 || zone.len >= IF_NAMESIZE)
		return "the zone after % is not the name of an interface";
	t->host[at++] = '%';
	for (size_t i = 0; i < zone.len; i++) {
		char c = zone.at[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '-' || c == '_' || c == '.'))
			return "the zone after % is not the name of an interface";
		t->host[at++] = c;
	}
	t->host[at] = '\0';
	return NULL;
}

static const char *read_v6(struct span text, struct target *t)
{
	const char *percent = memchr(text.at, '%', text.len);
	size_t len = percent == NULL ? text.len : (size_t)(percent - text.at);
	char buf[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (len >= sizeof(buf))
		return "not an IPv6 address";
	memcpy(buf, text.at, len);
	buf[len] = '\0';
	if (inet_pton(AF_INET6, buf, &address) != 1 ||
	    inet_ntop(AF_INET6, &address, t->host, INET6_ADDRSTRLEN) == NULL)
		return "not an IPv6 address";
	t->is_ip = true;
	return percent == NULL ? NULL
			       : read_zone((struct span){percent + 1, text.len - len - 1}, t);
}

/* A name that ends in a number is an address. This is the rule of URLs: 127.1 is not a name. */
static bool ends_in_number(const char *host)
{
	const char *dot = strrchr(host, '.');
	const char *last = dot == NULL ? host : dot + 1;

	return strspn(last, "0123456789") == strlen(last) || strncmp(last, "0x", 2) == 0;
}

static bool is_ascii(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] >= 0x80)
			return false;
	return true;
}

static const char *read_ascii_name(struct span text, struct target *t)
{
	struct in_addr address;
	size_t label = 0;

	if (text.len > 0 && text.at[text.len - 1] == '.')
		text.len--;
	if (text.len == 0)
		return "the host is missing";
	if (text.len >= sizeof(t->host))
		return "the host name is too long";
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
		      c == '.'))
			return "a host name is made of letters, digits, hyphens and dots";
		if (i == 0 && c == '-')
			return "a host name does not start with a hyphen";
		if (c == '.' && label == 0)
			return "a part of the host name is empty";
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return "a part of the host name is longer than 63 characters";
		t->host[i] = c;
	}
	t->host[text.len] = '\0';
	t->is_ip = inet_pton(AF_INET, t->host, &address) == 1;
	if (!t->is_ip && ends_in_number(t->host))
		return "write an IPv4 address with its four numbers";
	return NULL;
}

/* In the network and in certificates, a name with non-ASCII letters has the form xn--. */
static const char *read_name(struct span text, struct target *t)
{
	if (is_ascii(text))
		return read_ascii_name(text, t);
#ifdef CATRUST_IDN
	char utf8[1024], *ascii = NULL;
	const char *wrong = "this host name has no valid xn-- form";

	if (text.len >= sizeof(utf8) || memchr(text.at, '\0', text.len) != NULL)
		return "the host name is too long";
	memcpy(utf8, text.at, text.len);
	utf8[text.len] = '\0';
	if (idn2_to_ascii_8z(utf8, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK)
		wrong = read_ascii_name((struct span){ascii, strlen(ascii)}, t);
	idn2_free(ascii);
	return wrong;
#else
	return "write a name with characters outside ASCII in its xn-- form";
#endif
}

static bool is_v6(struct span text)
{
	const char *colon = memchr(text.at, ':', text.len);

	return colon != NULL &&
	       memchr(colon + 1, ':', text.len - (size_t)(colon + 1 - text.at)) != NULL;
}

/* Reads host, host:port, [v6], [v6]:port, or a bare v6. */
static const char *read_authority(struct span text, struct target *t)
{
	struct span host = text, port;
	const char *end, *wrong;

	if (text.len > 0 && text.at[0] == '[') {
		end = memchr(text.at, ']', text.len);
		if (end == NULL)
			return "the closing bracket is missing";
		host = (struct span){text.at + 1, (size_t)(end - text.at - 1)};
		wrong = read_v6(host, t);
		end++;
	} else if (is_v6(text)) {
		return read_v6(text, t);
	} else {
		end = memchr(text.at, ':', text.len);
		if (end == NULL)
			end = text.at + text.len;
		host.len = (size_t)(end - text.at);
		wrong = read_name(host, t);
	}
	if (wrong != NULL)
		return wrong;
	port = (struct span){end, text.len - (size_t)(end - text.at)};
	if (port.len == 0)
		return NULL;
	if (port.at[0] != ':')
		return "only a colon and a port may follow the closing bracket";
	return read_port((struct span){port.at + 1, port.len - 1}, &t->port);
}

/* The authority of a URL, without path, user name and password, which are not needed here. */
static struct span url_authority(const char *after_scheme)
{
	struct span authority = {after_scheme, strcspn(after_scheme, "/?#\\")};
	const char *user_end = memrchr(authority.at, '@', authority.len);

	if (user_end != NULL) {
		authority.len -= (size_t)(user_end + 1 - authority.at);
		authority.at = user_end + 1;
	}
	return authority;
}

const char *target_parse(const char *text, struct target *ret)
{
	struct target t = {.port = 0, .scheme = "https"};
	struct span authority = {text, strlen(text)};
	const char *colon = strstr(text, "://"), *wrong;
	const struct scheme *scheme = NULL;

	if (colon != NULL) {
		scheme = scheme_by_name(text, (size_t)(colon - text));
		if (strncasecmp(text, "http:", strlen("http:")) == 0)
			return "http has no TLS, and so no certificate: is https:// meant?";
		if (scheme == NULL)
			return "URLs of this kind are not known; https, smtp, imap, ldap, postgres "
			       "and the like are";
		authority = url_authority(colon + strlen("://"));
	}
	wrong = read_authority(authority, &t);
	if (wrong != NULL)
		return wrong;
	if (scheme == NULL && t.port != 0)
		scheme = scheme_by_port(t.port);
	if (scheme == NULL)
		scheme = scheme_by_name("https", strlen("https"));
	if (t.port == 0)
		t.port = scheme->port;
	t.starttls = scheme->starttls;
	t.scheme = scheme->name;
	*ret = t;
	return NULL;
}

const char *target_parse_name(const char *text, struct target *ret)
{
	struct span name = {text, strlen(text)};
	struct target t = {.port = 443, .scheme = "https"};
	const char *wrong = is_v6(name) ? read_v6(name, &t) : read_name(name, &t);

	if (wrong == NULL)
		*ret = t;
	return wrong;
}

char *target_text(const struct target *t, char buf[TARGET_TEXT])
{
	bool brackets = strchr(t->host, ':') != NULL;

	snprintf(buf, TARGET_TEXT, "%s%s%s:%u", brackets ? "[" : "", t->host, brackets ? "]" : "",
		 t->port);
	return buf;
}
