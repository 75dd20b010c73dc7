/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/leaf_names.h"

#include "certs/certnames.h"

#include <ctype.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

bool leaf_may_sign(X509 *cert)
{
	/* Not only 1: OpenSSL also lets sign what is of version 1, or has keyCertSign alone. */
	return X509_check_ca(cert) != 0;
}

static bool is_below(const char *host, const char *domain)
{
	size_t host_len = strlen(host), len = strlen(domain);

	return host_len > len && host[host_len - len - 1] == '.' &&
	       strcmp(host + host_len - len, domain) == 0;
}

/* Why a domain that the certificate itself names is not for its asking. NULL: it is. */
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
	return name->kind == CERTNAME_DNS && strncmp(name->text, "*.", 2) == 0;
}

/* As OpenSSL's matcher sees it, whatever characters are in it. */
static bool is_covered(const struct certname *name, const struct scopes *scopes)
{
	struct target as_host = {.is_ip = name->kind == CERTNAME_ADDRESS};
	const char *text = name->text + (is_wildcard(name) ? 2 : 0);

	for (size_t i = 0; text[i] != '\0'; i++)
		as_host.host[i] = (char)tolower((unsigned char)text[i]);
	return scopes_cover_host(scopes, &as_host);
}

/* The scope that name takes. Unless that is fine, *wrong ends "and ". */
static enum leaf_scopes_result scope_for(const struct certname *name, const struct target *host,
					 bool may_sign, char scope[SCOPEDIR_NAME],
					 const char **wrong)
{
	const char *text = name->text + (is_wildcard(name) ? 2 : 0);
	struct target as_host;

	*wrong = "that can be no scope (letters, digits and hyphens alone)";
	if (name->kind == CERTNAME_BROKEN || target_parse_name(text, &as_host) != NULL ||
	    scopedir_parse(text, scope) != NULL)
		return LEAF_SCOPES_IMPOSSIBLE;
	if (name->kind == CERTNAME_ADDRESS)
		return LEAF_SCOPES_OK;
	/* An address as a CN counts as one; among the names it does not. */
	*wrong = "that is an address, and no name";
	if (as_host.is_ip)
		return name->of_subject ? LEAF_SCOPES_OK : LEAF_SCOPES_IMPOSSIBLE;
	*wrong = too_much(scope, is_wildcard(name), host, may_sign);
	return *wrong == NULL ? LEAF_SCOPES_OK : LEAF_SCOPES_TOO_WIDE;
}

/* Of the subject, only what could pass for a host or an address. */
static bool counts(const struct certnames *names, const struct certname *name)
{
	if (!name->of_subject)
		return true;
	if (names->has_dns)
		return false;
	if (name->kind == CERTNAME_BROKEN)
		return strcmp(name->text, CERTNAMES_EMPTY) != 0;
	return scope_check_cn(NULL, 0, name->text) != SCOPE_CN_NO_HOST;
}

static enum leaf_scopes_result add_name(const struct certname *name, const struct target *host,
					bool may_sign, struct scopes *scopes, struct reason *why)
{
	char scope[SCOPEDIR_NAME], shown[CERTNAMES_TEXT];
	const char *wrong;
	enum leaf_scopes_result result = scope_for(name, host, may_sign, scope, &wrong);

	if (result == LEAF_SCOPES_OK && scopes_add(scopes, scope) != 0) {
		reason_set(why, "the server's certificate has more than %d names", SCOPES_MAX);
		return LEAF_SCOPES_IMPOSSIBLE;
	}
	if (result != LEAF_SCOPES_OK)
		reason_set(why, "the server's certificate also names %s, and %s",
			   certnames_text(name, shown), wrong);
	return result;
}

enum leaf_scopes_result leaf_scopes(X509 *leaf, const struct target *host, bool may_sign,
				    struct scopes *scopes, struct reason *why)
{
	enum leaf_scopes_result result = LEAF_SCOPES_OK;
	struct certnames names;

	if (certnames_read(leaf, &names) != 0) {
		reason_set(why, "out of memory");
		return LEAF_SCOPES_IMPOSSIBLE;
	}
	for (size_t i = 0; i < names.count && result == LEAF_SCOPES_OK; i++) {
		const struct certname *name = &names.item[i];

		if (counts(&names, name) &&
		    (name->kind == CERTNAME_BROKEN || !is_covered(name, scopes)))
			result = add_name(name, host, may_sign, scopes, why);
	}
	if (result == LEAF_SCOPES_OK && names.cut) {
		reason_set(why, "the server's certificate has more than %d names", CERTNAMES_MAX);
		result = LEAF_SCOPES_IMPOSSIBLE;
	}
	certnames_clear(&names);
	return result;
}
