/* SPDX-License-Identifier: Apache-2.0 */
#include "store/scopedir.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libcatrust.so considers fewer bits a mistake. */
enum { LEAST_BITS = 8 };

/* An address, and how many of its bits count. */
struct range {
	int family;
	unsigned char address[16];
	int bits;
};

static int width(int family)
{
	return family == AF_INET6 ? 128 : 32;
}

static bool read_address(const char *text, struct range *ret)
{
	struct range r = {.family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET};

	if (inet_pton(r.family, text, r.address) != 1)
		return false;
	r.bits = width(r.family);
	*ret = r;
	return true;
}

/* Reads at most three digits; -1 for anything else. */
static int read_bits(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > 3 || strspn(text, "0123456789") != len)
		return -1;
	return (int)strtol(text, NULL, 10);
}

static bool bit(const unsigned char *address, int i)
{
	return (address[i / 8] & (0x80 >> (i % 8))) != 0;
}

static const char bits_beyond[] = "the address has bits set beyond those of the range";

static const char *read_range(const char *text, struct range *ret)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);

	if (len >= sizeof(address))
		return "not an address";
	memcpy(address, text, len);
	address[len] = '\0';
	if (!read_address(address, ret))
		return "not an address";
	if (slash == NULL)
		return NULL;
	ret->bits = read_bits(slash + 1);
	if (ret->bits < 0 || ret->bits > width(ret->family))
		return "after the slash comes the number of bits of the range";
	if (ret->bits < LEAST_BITS)
		return "a range must have at least 8 bits";
	for (int i = ret->bits; i < width(ret->family); i++)
		if (bit(ret->address, i))
			return bits_beyond;
	return NULL;
}

/*
 * 10.0.0.0_8, and __1_128 for ::1: without slashes, and without colons, which separate directories.
 */
static void range_name(const struct range *r, char name[SCOPEDIR_NAME])
{
	char address[INET6_ADDRSTRLEN] = "";

	inet_ntop(r->family, r->address, address, sizeof(address));
	for (char *c = address; *c != '\0'; c++)
		if (*c == ':')
			*c = '_';
	if (r->family == AF_INET && r->bits == 32)
		snprintf(name, SCOPEDIR_NAME, "%s", address);
	else
		snprintf(name, SCOPEDIR_NAME, "%s_%d", address, r->bits);
}

static const char *domain_name(const struct target *host, char name[SCOPEDIR_NAME])
{
	size_t len = strlen(host->host);

	for (size_t i = 0; i < len; i++) {
		bool at_edge = i == 0 || i + 1 == len || host->host[i - 1] == '.' ||
			       host->host[i + 1] == '.';

		if (host->host[i] == '_' || (host->host[i] == '-' && at_edge))
			return "a scope can't have underscores, or hyphens at the ends of its "
			       "parts";
	}
	snprintf(name, SCOPEDIR_NAME, "%s", host->host);
	return NULL;
}

const char *scopedir_for_host(const struct target *host, char name[SCOPEDIR_NAME])
{
	struct range r;

	if (!host->is_ip)
		return domain_name(host, name);
	if (!read_address(host->host, &r))
		return "an address with a zone can't be a scope";
	range_name(&r, name);
	return NULL;
}

const char *scopedir_parse(const char *text, char name[SCOPEDIR_NAME])
{
	struct target domain;
	struct range r;
	const char *wrong;

	if (strchr(text, '/') != NULL || strchr(text, ':') != NULL) {
		wrong = read_range(text, &r);
		if (wrong == NULL)
			range_name(&r, name);
		return wrong;
	}
	if (strncmp(text, "*.", 2) == 0)
		return "a domain covers all names below it, without *";
	wrong = target_parse_name(text, &domain);
	return wrong != NULL ? wrong : scopedir_for_host(&domain, name);
}

bool scopedir_meant(const char *text, char meant[SCOPEDIR_NAME])
{
	char address[INET6_ADDRSTRLEN] = "", name[SCOPEDIR_NAME];
	struct range r;

	if (strncmp(text, "*.", 2) == 0) {
		snprintf(meant, SCOPEDIR_NAME, "%s", text + 2);
		return scopedir_parse(meant, name) == NULL;
	}
	if (read_range(text, &r) != bits_beyond)
		return false;
	for (int i = r.bits; i < width(r.family); i++)
		r.address[i / 8] &= (unsigned char)~(0x80U >> (i % 8));
	inet_ntop(r.family, r.address, address, sizeof(address));
	snprintf(meant, SCOPEDIR_NAME, "%s/%d", address, r.bits);
	return true;
}

/* The reverse of range_name(). */
static bool read_range_name(const char *name, struct range *ret)
{
	char text[SCOPEDIR_NAME];
	char *last;
	int bits = -1;

	snprintf(text, sizeof(text), "%s", name);
	last = strrchr(text, '_');
	if (last != NULL) {
		bits = read_bits(last + 1);
		*last = '\0';
	}
	for (char *c = text; *c != '\0'; c++)
		if (*c == '_')
			*c = ':';
	if (!read_address(text, ret))
		return false;
	if (bits >= 0)
		ret->bits = bits;
	return ret->bits <= width(ret->family);
}

bool scopedir_covers(const char *name, const struct target *host)
{
	size_t len = strlen(name), host_len = strlen(host->host);
	struct range scope, one;

	if (!host->is_ip)
		return host_len >= len && strcmp(host->host + host_len - len, name) == 0 &&
		       (host_len == len || host->host[host_len - len - 1] == '.');
	if (!read_range_name(name, &scope) || !read_address(host->host, &one) ||
	    scope.family != one.family)
		return false;
	for (int i = 0; i < scope.bits; i++)
		if (bit(scope.address, i) != bit(one.address, i))
			return false;
	return true;
}
