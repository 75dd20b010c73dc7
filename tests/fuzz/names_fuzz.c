/* SPDX-License-Identifier: Apache-2.0 */
/* The names of a certificate: the first byte is the length of a common name, which the list
 * follows. */
#include "anchors/scope.h"
#include "x509/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(int ok)
{
	if (!ok)
		abort();
}

/* The last place of text in the bytes of a name; or NULL. */
static const unsigned char *find_last(struct span in, const char *text)
{
	size_t len = strlen(text);

	for (size_t i = in.len; i-- > 0;)
		if (in.len - i >= len && memcmp(in.at + i, text, len) == 0)
			return in.at + i;
	return NULL;
}

/* What stands around the host of a URI ends it, for any reader. */
static void check_uri(const struct name *name, struct span value)
{
	bool found = false;
	size_t len = strlen(name->text);

	for (struct span in = value;;) {
		const unsigned char *at = find_last(in, name->text);

		if (at == NULL)
			break;
		found = found ||
			(at > value.at && strchr("/@:[", at[-1]) != NULL &&
			 (at + len == value.at + value.len || strchr("/?#:;]", at[len]) != NULL));
		in.len = (size_t)(at - in.at) + len - 1;
	}
	check(found);
}

static void check_name(const struct name *name, struct span value)
{
	static const struct scope scope = {.domain = "corp.example"};
	size_t len = strlen(name->text), domain = strlen(scope.domain);

	check(len < NAMES_TEXT);
	check((name->host == NAME_IS_ADDRESS) == (name->address_len > 0));
	if (name->host == NAME_IS_UNREADABLE)
		check(len == 0);
	if (name->host == NAME_IS_HOST && name->kind != NAME_COMMON)
		check(len > 0 &&
		      strspn(name->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "abcdefghijklmnopqrstuvwxyz0123456789-_.*") == len);
	if (scope_has(&scope, 1, name)) {
		check(name->host == NAME_IS_HOST && len >= domain);
		check(strcasecmp(name->text + len - domain, scope.domain) == 0);
		check(len == domain || name->text[len - domain - 1] == '.');
	}
	if (name->kind == NAME_URI && (name->host == NAME_IS_HOST || name->host == NAME_IS_ADDRESS))
		check_uri(name, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct scope scope = {.domain = "corp.example"};
	struct scope_check all = {.scopes = &scope, .count = 1};
	struct span rest, value;
	struct name name;
	unsigned char tag;
	size_t cn;
	bool inside = true;

	if (len == 0)
		return 0;
	cn = data[0] < len - 1 ? data[0] : len - 1;
	names_common(data + 1, cn, &name);
	check_name(&name, (struct span){data + 1, cn});
	scope_check_common(&all, data + 1, cn);
	rest = (struct span){data + 1 + cn, len - 1 - cn};
	scope_check_names(&all, rest);
	for (struct span at = rest; names_next(&rest, &name); at = rest) {
		if (!der_next(&at, &tag, &value))
			value.len = 0;
		check_name(&name, value);
		inside = inside && (name.host == NAME_IS_NO_HOST || scope_has(&scope, 1, &name));
	}
	/* One name outside is enough. */
	check(!scope_check_end(&all) || inside);
	names_open(data, len, &rest);
	return 0;
}
