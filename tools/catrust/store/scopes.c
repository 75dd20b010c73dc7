/* SPDX-License-Identifier: Apache-2.0 */
#include "store/scopes.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool is_below(const char *domain, const char *top)
{
	size_t len = strlen(domain), top_len = strlen(top);

	return len >= top_len && strcmp(domain + len - top_len, top) == 0 &&
	       (len == top_len || domain[len - top_len - 1] == '.');
}

static bool covers(const struct scope *outer, const struct scope *inner)
{
	if (outer->is_address != inner->is_address)
		return false;
	if (!outer->is_address)
		return is_below(inner->domain, outer->domain);
	if (outer->address_len != inner->address_len)
		return false;
	for (size_t i = 0; i < outer->address_len; i++)
		if ((outer->mask[i] & ~inner->mask[i]) != 0 ||
		    (inner->address[i] & outer->mask[i]) != outer->address[i])
			return false;
	return true;
}

bool scopes_cover(const struct scopes *s, const struct scope *scope)
{
	for (size_t i = 0; i < s->count; i++)
		if (covers(&s->item[i].scope, scope))
			return true;
	return false;
}

bool scopes_cover_host(const struct scopes *s, const struct target *host)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->item[i].scope.is_address == host->is_ip &&
		    scopedir_covers(s->item[i].name, host))
			return true;
	return false;
}

int scopes_add(struct scopes *s, const char *name)
{
	struct scope scope;

	if (scope_parse(name, &scope) != 0)
		return -1;
	if (scopes_cover(s, &scope))
		return 0;
	if (s->count == SCOPES_MAX)
		return -1;
	snprintf(s->item[s->count].name, SCOPEDIR_NAME, "%s", name);
	s->item[s->count++].scope = scope;
	return 0;
}

void scopes_of(const struct trusted *trusted, const X509 *cert, struct scopes *ret)
{
	ret->count = 0;
	for (size_t i = 0; i < trusted->anchors->count; i++) {
		if (trusted->cert[i] == NULL || X509_cmp(trusted->cert[i], cert) != 0)
			continue;
		for (const struct scope_list *l = trusted->anchors->anchor[i].scopes;
		     l != NULL && ret->count < SCOPES_MAX; l = l->next) {
			struct scopes_item *item = &ret->item[ret->count];
			char text[SCOPEDIR_NAME];

			/*
			 * Two directories with different names may mean the same; uses this name.
			 */
			if (scopedir_parse(scopes_text(&l->scope, text), item->name) != NULL)
				continue;
			item->scope = l->scope;
			ret->count++;
		}
		return;
	}
}

static int bits_of(const struct scope *s)
{
	int bits = 0;

	for (size_t i = 0; i < s->address_len * 8; i++)
		bits += s->mask[i / 8] >> (7 - i % 8) & 1;
	return bits;
}

char *scopes_range(const struct scope *s, char buf[SCOPEDIR_NAME])
{
	char address[INET6_ADDRSTRLEN] = "";

	if (!s->is_address) {
		snprintf(buf, SCOPEDIR_NAME, "%s", s->domain);
		return buf;
	}
	inet_ntop(s->address_len == 4 ? AF_INET : AF_INET6, s->address, address, sizeof(address));
	snprintf(buf, SCOPEDIR_NAME, "%s/%d", address, bits_of(s));
	return buf;
}

char *scopes_text(const struct scope *s, char buf[SCOPEDIR_NAME])
{
	scopes_range(s, buf);
	if (s->is_address && bits_of(s) == (int)s->address_len * 8)
		*strchr(buf, '/') = '\0';
	return buf;
}

/* Adds one to a list, or "..." if there is no more room. */
static bool add_to_list(char *buf, size_t size, const char *one, const char *end)
{
	size_t at = strlen(buf);
	bool fits = strlen(one) + sizeof("/, , ...") <= size - at;

	snprintf(buf + at, size - at, "%s%s%s", at > 0 ? ", " : "", fits ? one : "...",
		 fits ? end : "");
	return fits;
}

char *scopes_list(const struct scopes *s, char *buf, size_t size)
{
	char one[SCOPEDIR_NAME];

	buf[0] = '\0';
	for (size_t i = 0; i < s->count; i++)
		if (!add_to_list(buf, size, scopes_text(&s->item[i].scope, one), ""))
			break;
	return buf;
}

char *scopes_folders(const struct scopes *s, char *buf, size_t size)
{
	buf[0] = '\0';
	for (size_t i = 0; i < s->count; i++)
		if (!add_to_list(buf, size, s->item[i].name, "/"))
			break;
	return buf;
}
