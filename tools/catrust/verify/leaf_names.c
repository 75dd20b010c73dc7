/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/leaf_names.h"

#include "certs/certnames.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

bool leaf_may_sign(X509 *cert)
{
	/*
	 * Not only 1: OpenSSL also lets certificates of version 1, or with only keyCertSign, sign.
	 */
	return X509_check_ca(cert) != 0;
}

static bool is_below(const char *host, const char *domain)
{
	size_t host_len = strlen(host), len = strlen(domain);

	return host_len > len && host[host_len - len - 1] == '.' &&
	       strcmp(host + host_len - len, domain) == 0;
}

/* Why the user must ask for a domain that the certificate names. NULL: no need to ask. */
static const char *too_much(const char *domain, bool wildcard, const struct target *host,
			    bool may_sign)
{
	bool single = strchr(domain, '.') == NULL;

	if (wildcard && (single || host->is_ip || !is_below(host->host, domain)))
		return "that is more than the server that you named";
	if (single && may_sign && strcmp(domain, host->host) != 0 &&
	    strcmp(domain, "localhost") != 0)
		return "it could then vouch for all names below that";
	return NULL;
}

static bool is_wildcard(const struct certname *name)
{
	return name->name.host == NAME_IS_HOST && strncmp(name->text, "*.", 2) == 0;
}

/* The scope that name needs. On failure, *wrong is the end of a sentence, after "and ". */
static enum leaf_scopes_result scope_for(const struct certname *name, const struct target *host,
					 bool may_sign, char scope[SCOPEDIR_NAME],
					 const char **wrong)
{
	const char *text = name->text + (is_wildcard(name) ? 2 : 0);
	struct target as_host;

	*wrong = "that can't be a scope (only letters, digits and hyphens)";
	if (name->name.host == NAME_IS_UNREADABLE || target_parse_name(text, &as_host) != NULL ||
	    scopedir_parse(text, scope) != NULL)
		return LEAF_SCOPES_IMPOSSIBLE;
	if (name->name.host == NAME_IS_ADDRESS)
		return LEAF_SCOPES_OK;
	/* In a CN or a URI, an address counts as an address; as a DNS name it does not. */
	*wrong = "that is an address, not a name";
	if (as_host.is_ip)
		return LEAF_SCOPES_IMPOSSIBLE;
	*wrong = too_much(scope, is_wildcard(name), host, may_sign);
	return *wrong == NULL ? LEAF_SCOPES_OK : LEAF_SCOPES_TOO_WIDE;
}

/* Does it need a scope of its own? A common name does not if a DNS name begins with it. */
static bool counts(const struct certnames *names, const struct name *name,
		   const struct scopes *scopes)
{
	for (size_t i = 0; i < scopes->count; i++)
		if (scope_has(&scopes->item[i].scope, 1, name))
			return false;
	for (size_t i = 0; i < names->count; i++)
		if (name->kind == NAME_COMMON &&
		    names_is_first_label(name->text, &names->item[i].name))
			return false;
	return name->host != NAME_IS_NO_HOST;
}

/* "a.example", "10.0.0.1 (common name)". Returns buf. */
static char *describe(const struct certname *name, char *buf, size_t size)
{
	bool plain = name->name.kind == NAME_DNS || name->name.kind == NAME_ADDRESS;
	char shown[CERTNAMES_TEXT];

	snprintf(buf, size, "%s%s%s%s", certnames_text(name, shown), plain ? "" : " (",
		 plain ? "" : names_kind(name->name.kind), plain ? "" : ")");
	return buf;
}

static enum leaf_scopes_result add_name(const struct certname *name, const struct target *host,
					bool may_sign, struct scopes *scopes, struct reason *why)
{
	char scope[SCOPEDIR_NAME], shown[CERTNAMES_TEXT + 32];
	size_t at = strlen(why->text);
	const char *wrong;
	enum leaf_scopes_result result = scope_for(name, host, may_sign, scope, &wrong);

	if (result == LEAF_SCOPES_OK && scopes_add(scopes, scope) != 0) {
		reason_set(why, "the server's certificate has more than %d names", SCOPES_MAX);
		return LEAF_SCOPES_IMPOSSIBLE;
	}
	describe(name, shown, sizeof(shown));
	if (result != LEAF_SCOPES_OK)
		reason_set(why, "the server's certificate also names %s, and %s", shown, wrong);
	else
		snprintf(why->text + at, sizeof(why->text) - at, "%s%s", at > 0 ? ", " : "", shown);
	return result;
}

enum leaf_scopes_result leaf_scopes(X509 *leaf, const struct target *host, bool may_sign,
				    struct scopes *scopes, struct reason *why)
{
	enum leaf_scopes_result result = LEAF_SCOPES_OK;
	struct certnames names;

	why->text[0] = '\0';
	if (certnames_read(leaf, &names) != 0) {
		reason_set(why, "out of memory");
		return LEAF_SCOPES_IMPOSSIBLE;
	}
	for (size_t i = 0; i < names.count && result == LEAF_SCOPES_OK; i++)
		if (counts(&names, &names.item[i].name, scopes))
			result = add_name(&names.item[i], host, may_sign, scopes, why);
	if (result == LEAF_SCOPES_OK && (names.cut || names.unreadable)) {
		if (names.cut)
			reason_set(why, "the server's certificate has more than %d names",
				   CERTNAMES_MAX);
		else
			reason_set(why, "the names of the server's certificate can't be read");
		result = LEAF_SCOPES_IMPOSSIBLE;
	}
	certnames_clear(&names);
	return result;
}
