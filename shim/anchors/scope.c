/* SPDX-License-Identifier: Apache-2.0 */
#include "anchors/scope.h"

#include "libc/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/* A number of at most digits digits; -1 for anything else. */
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

/* "fd00_" and "fd00__" are the address parts of fd00__8 and fd00___8: both mean "fd00::". */
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
	/* Without a prefix length, it is one address; an IPv6 address has its colons. */
	if (prefix != NULL && inet_pton(family, name, scope->address) != 1) {
		int length = parse_number(prefix + 1, 3);

		/* Fewer than 8 bits are a mistake, such as __1 for ::1. */
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
	/* In 10.1.0.0_8, either the address or the length is a mistake. */
	for (size_t i = 0; i < scope->address_len; i++)
		if ((scope->address[i] & ~scope->mask[i]) != 0)
			return -EINVAL;
	scope->is_address = true;
	return 0;
}

static bool is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/*
 * Host names as in RFC 1123; international names have the form that they have in certificates,
 * "xn--…".
 */
static int parse_domain(const char *name, struct scope *scope)
{
	size_t len = strlen(name), label = 0;

	if (len == 0 || len >= sizeof(scope->domain))
		return -EINVAL;
	for (size_t i = 0; i <= len; i++) {
		char c = text_lower(name[i]);

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
		if (text_lower(name[i]) != domain[i])
			return false;
	return true;
}

static bool has_address(const struct scope *scope, const struct name *name)
{
	if (!scope->is_address || scope->address_len != name->address_len)
		return false;
	for (size_t i = 0; i < name->address_len; i++)
		if ((name->address[i] & scope->mask[i]) != scope->address[i])
			return false;
	return true;
}

bool scope_has(const struct scope *scopes, size_t count, const struct name *name)
{
	for (size_t i = 0; i < count; i++)
		if (name->host == NAME_IS_ADDRESS
			    ? has_address(&scopes[i], name)
			    : name->host == NAME_IS_HOST && !scopes[i].is_address &&
				      is_within(scopes[i].domain, name->text))
			return true;
	return false;
}

static void note_outside(struct scope_check *check, const struct name *name)
{
	if (!check->is_outside)
		check->outside = *name;
	check->is_outside = true;
}

/* Can a DNS name begin with it, and is there room to record it? */
static bool keep_word(struct scope_check *check, const struct name *name)
{
	size_t len = strlen(name->text);

	if (name->host != NAME_IS_HOST || len >= sizeof(check->word[0]))
		return false;
	for (size_t i = 0; i < SCOPE_WORDS; i++)
		if (check->word[i][0] == '\0') {
			memcpy(check->word[i], name->text, len + 1);
			return true;
		}
	return false;
}

void scope_check_common(struct scope_check *check, const unsigned char *text, size_t len)
{
	struct name name;

	names_common(text, len, &name);
	if (name.host == NAME_IS_NO_HOST)
		return;
	if (scope_has(check->scopes, check->count, &name))
		check->is_named = true;
	else if (!keep_word(check, &name))
		note_outside(check, &name);
}

void scope_check_names(struct scope_check *check, struct span names)
{
	struct name name;

	while (names_next(&names, &name)) {
		if (name.host == NAME_IS_NO_HOST)
			continue;
		if (!scope_has(check->scopes, check->count, &name)) {
			note_outside(check, &name);
			continue;
		}
		if (name.kind == NAME_DNS || name.kind == NAME_ADDRESS)
			check->is_named = true;
		for (size_t i = 0; i < SCOPE_WORDS; i++)
			if (names_is_first_label(check->word[i], &name))
				check->word[i][0] = '\0';
	}
}

bool scope_check_end(struct scope_check *check)
{
	struct name name;

	for (size_t i = 0; i < SCOPE_WORDS; i++)
		if (check->word[i][0] != '\0') {
			names_common((const unsigned char *)check->word[i], strlen(check->word[i]),
				     &name);
			note_outside(check, &name);
		}
	return check->is_named && !check->is_outside;
}

bool scope_has_names_of_ca(const struct scope *scopes, size_t count, struct span names)
{
	struct name name;

	while (names_next(&names, &name))
		if ((name.kind == NAME_DNS || name.kind == NAME_ADDRESS ||
		     name.kind == NAME_OTHER) &&
		    name.host != NAME_IS_NO_HOST && !scope_has(scopes, count, &name))
			return false;
	return true;
}
