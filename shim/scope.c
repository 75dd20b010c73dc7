/* SPDX-License-Identifier: Apache-2.0 */
#include "scope.h"

#include "text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/* Of at most digits digits, all of them digits; -1 for anything else. */
static int parse_number(const char *s, size_t digits)
{
	int value = 0;
	size_t len = strlen(s);

	if (len == 0 || len > digits)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		value = value * 10 + (s[i] - '0');
	}
	return value;
}

/* "fd00_" and "fd00__" are what is left of fd00__8 and fd00___8: both mean "fd00::". */
static void to_ipv6(struct text *address)
{
	for (size_t i = 0; i < address->len; i++)
		if (address->buf[i] == '_')
			address->buf[i] = ':';
	if (address->len > 0 && address->buf[address->len - 1] == ':' &&
	    (address->len == 1 || address->buf[address->len - 2] != ':'))
		text_add(address, ":");
}

static int parse_address(const char *name, struct scope *scope)
{
	char buf[INET6_ADDRSTRLEN + 8] = "";
	struct text address = TEXT(buf);
	const char *prefix = strrchr(name, '_');
	bool v6 = strchr(name, '.') == NULL;
	int bits, family = v6 ? AF_INET6 : AF_INET;

	if (strlen(name) >= INET6_ADDRSTRLEN + 4)
		return -EINVAL;
	scope->address_len = v6 ? 16 : 4;
	bits = (int)scope->address_len * 8;
	/* Without a prefix length, one address; of IPv6 with its colons. */
	if (prefix != NULL && inet_pton(family, name, scope->address) != 1) {
		int length = parse_number(prefix + 1, 3);

		/* Less than 8 bits is a slip, such as __1 for ::1. */
		if (length < 8 || length > bits)
			return -EINVAL;
		bits = length;
		text_add_n(&address, name, (size_t)(prefix - name));
	} else {
		text_add(&address, name);
	}
	if (v6)
		to_ipv6(&address);
	if (inet_pton(family, buf, scope->address) != 1)
		return -EINVAL;
	for (size_t i = 0; i < scope->address_len; i++, bits -= 8) {
		unsigned ones = bits >= 8 ? 8 : bits > 0 ? (unsigned)bits : 0;

		scope->mask[i] = (unsigned char)(0xff00U >> ones & 0xffU);
	}
	/* 10.1.0.0_8 is a slip, one way or the other. */
	for (size_t i = 0; i < scope->address_len; i++)
		if ((scope->address[i] & ~scope->mask[i]) != 0)
			return -EINVAL;
	scope->is_address = true;
	return 0;
}

/* ASCII alone, whatever the locale: as in DNS, and as X509_check_host() compares. */
static char to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* Host names of RFC 1123: internationalised ones as they are in certificates, "xn--…". */
static int parse_domain(const char *name, struct scope *scope)
{
	size_t len = strlen(name), label = 0;

	if (len == 0 || len >= sizeof(scope->domain))
		return -EINVAL;
	for (size_t i = 0; i <= len; i++) {
		char c = to_lower(name[i]);

		if (c == '.' || c == '\0') {
			if (label == 0 || label > 63 || name[i - 1] == '-' ||
			    name[i - label] == '-')
				return -EINVAL;
			label = 0;
		} else if (is_label_char(c)) {
			label++;
		} else {
			return -EINVAL;
		}
		scope->domain[i] = c;
	}
	return 0;
}

static bool looks_like_address(const char *name)
{
	return strspn(name, "0123456789._") == strlen(name) ||
	       (strspn(name, "0123456789abcdefABCDEF:._") == strlen(name) &&
		strpbrk(name, "_:") != NULL);
}

int scope_parse(const char *name, struct scope *ret)
{
	struct scope scope = {.is_address = false};
	int error =
		looks_like_address(name) ? parse_address(name, &scope) : parse_domain(name, &scope);

	if (error == 0)
		*ret = scope;
	return error;
}

bool scope_equal(const struct scope *a, const struct scope *b)
{
	if (a->is_address != b->is_address)
		return false;
	if (!a->is_address)
		return strcmp(a->domain, b->domain) == 0;
	return a->address_len == b->address_len &&
	       memcmp(a->address, b->address, a->address_len) == 0 &&
	       memcmp(a->mask, b->mask, a->address_len) == 0;
}

/* Is name the domain, or below it? */
static bool is_within(const char *domain, const char *name)
{
	size_t len = strlen(name), domain_len = strlen(domain);

	if (len < domain_len)
		return false;
	if (len > domain_len && name[len - domain_len - 1] != '.')
		return false;
	name += len - domain_len;
	for (size_t i = 0; i < domain_len; i++)
		if (to_lower(name[i]) != domain[i])
			return false;
	return true;
}

/* The length of the address in bytes, or 0 for what is none. */
static size_t read_address(const char *text, unsigned char address[16])
{
	if (inet_pton(AF_INET, text, address) == 1)
		return 4;
	return inet_pton(AF_INET6, text, address) == 1 ? 16 : 0;
}

static bool has_address(const struct scope *scope, const unsigned char *address, size_t len)
{
	if (!scope->is_address || scope->address_len != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((address[i] & scope->mask[i]) != scope->address[i])
			return false;
	return true;
}

/*
 * Words such as "Our test server": with a space and without a dot, in ASCII. Clients compare a CN
 * with the name of the host byte by byte, after they have encoded that name as they like, so it is
 * not for OpenSSL's notion of a plausible name (cn2dnsid() in crypto/x509/v3_ncons.c) to say what
 * no client takes for a host.
 */
static bool is_words(const char *cn)
{
	for (const char *at = cn; *at != '\0'; at++)
		if (*at == '.' || (unsigned char)*at >= 0x80)
			return false;
	return cn[0] == '\0' || strchr(cn, ' ') != NULL;
}

enum scope_cn scope_check_cn(const struct scope *scopes, size_t count, const char *cn)
{
	unsigned char address[16];
	size_t len = read_address(cn, address);

	if (is_words(cn))
		return SCOPE_CN_NO_HOST;
	if (strchr(cn, '*') != NULL)
		return SCOPE_CN_OUTSIDE;
	for (size_t i = 0; i < count; i++)
		if (len > 0 ? has_address(&scopes[i], address, len)
			    : !scopes[i].is_address && is_within(scopes[i].domain, cn))
			return SCOPE_CN_INSIDE;
	return SCOPE_CN_OUTSIDE;
}

struct der_writer {
	unsigned char *buf;
	size_t size, len;
	bool full;
};

static void put(struct der_writer *w, const void *data, size_t len)
{
	if (w->full || len > w->size - w->len) {
		w->full = true;
		return;
	}
	memcpy(w->buf + w->len, data, len);
	w->len += len;
}

/* The length always in three bytes: OpenSSL reads BER, and this never leaves the process. */
static size_t open_element(struct der_writer *w, unsigned char tag)
{
	const unsigned char header[4] = {tag, 0x82, 0, 0};

	put(w, header, sizeof(header));
	return w->len;
}

static void close_element(struct der_writer *w, size_t start)
{
	size_t len;

	if (w->full)
		return;
	len = w->len - start;
	w->buf[start - 2] = (unsigned char)(len >> 8);
	w->buf[start - 1] = (unsigned char)len;
}

enum { DER_SEQUENCE = 0x30, DER_PERMITTED = 0xa0, DER_DNS_NAME = 0x82, DER_IP_ADDRESS = 0x87 };

/* GeneralSubtree ::= SEQUENCE { base GeneralName } */
static void put_subtree(struct der_writer *w, const struct scope *s)
{
	size_t subtree = open_element(w, DER_SEQUENCE);
	size_t name = open_element(w, s->is_address ? DER_IP_ADDRESS : DER_DNS_NAME);

	if (s->is_address) {
		put(w, s->address, s->address_len);
		put(w, s->mask, s->address_len);
	} else {
		put(w, s->domain, strlen(s->domain));
	}
	close_element(w, name);
	close_element(w, subtree);
}

size_t scope_constraints(const struct scope *const *scopes, size_t count, unsigned char *der,
			 size_t size)
{
	/*
	 * Names that no server has: the broadcast address (0.0.0.0 leads to the host itself), and
	 * one of RFC 2606's top level domain.
	 */
	static const struct scope no_address = {.is_address = true,
						.address = {0xff, 0xff, 0xff, 0xff},
						.mask = {0xff, 0xff, 0xff, 0xff},
						.address_len = 4};
	static const struct scope no_domain = {.domain = "nobody.invalid"};
	struct der_writer w = {.buf = der, .size = size};
	size_t all = open_element(&w, DER_SEQUENCE), permitted = open_element(&w, DER_PERMITTED);
	bool addresses = false, domains = false;

	for (size_t i = 0; i < count; i++) {
		put_subtree(&w, scopes[i]);
		if (scopes[i]->is_address)
			addresses = true;
		else
			domains = true;
	}
	if (!addresses)
		put_subtree(&w, &no_address);
	if (!domains)
		put_subtree(&w, &no_domain);
	close_element(&w, permitted);
	close_element(&w, all);
	return w.full || w.len > 0xffff ? 0 : w.len;
}
