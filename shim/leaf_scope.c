/* SPDX-License-Identifier: Apache-2.0 */
#include "leaf_scope.h"

#include <openssl/obj_mac.h>

#include <string.h>

/*
 * Which kinds of names the certificate has for its server, besides its CN. false: it has names that
 * can't be read, or more than one list of them, and OpenSSL would go by the CN; or a name with a
 * NUL in it, which some client may take for the end.
 */
static bool read_kinds(const struct crypto *c, const X509 *cert, bool *ret_dns, bool *ret_address)
{
	int found;
	GENERAL_NAMES *names = c->api.X509_get_ext_d2i(cert, NID_subject_alt_name, &found, NULL);
	bool readable = names != NULL || found == -1;

	*ret_dns = *ret_address = false;
	for (int i = 0; i < c->api.OPENSSL_sk_num((OPENSSL_STACK *)names); i++) {
		int type = -1;
		const ASN1_STRING *value = c->api.GENERAL_NAME_get0_value(
			c->api.OPENSSL_sk_value((OPENSSL_STACK *)names, i), &type);

		if (type == GEN_DNS && memchr(c->api.ASN1_STRING_get0_data(value), '\0',
					      (size_t)c->api.ASN1_STRING_length(value)) != NULL)
			readable = false;
		*ret_dns = *ret_dns || type == GEN_DNS;
		*ret_address = *ret_address || type == GEN_IPADD;
	}
	c->api.GENERAL_NAMES_free(names);
	return readable;
}

/* Does the client look at the CN whatever other names there are? */
static bool wants_cn(const struct crypto *c, X509_STORE_CTX *ctx)
{
	unsigned flags =
		c->api.X509_VERIFY_PARAM_get_hostflags(c->api.X509_STORE_CTX_get0_param(ctx));

	return (flags &
		(X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)) ==
	       X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT;
}

/* A CN as a string; false for one that no scope has: too long, or with a NUL in it. */
static bool read_cn(const struct crypto *c, const X509_NAME *subject, int at, char *buf,
		    size_t size)
{
	const ASN1_STRING *value =
		c->api.X509_NAME_ENTRY_get_data(c->api.X509_NAME_get_entry(subject, at));
	unsigned char *text = NULL;
	int len = c->api.ASN1_STRING_to_UTF8(&text, value);
	bool fits = len >= 0 && (size_t)len < size;

	if (fits && text != NULL) {
		memcpy(buf, text, (size_t)len);
		buf[len] = '\0';
		fits = strlen(buf) == (size_t)len;
	}
	if (text != NULL)
		c->api.CRYPTO_free(text, __FILE__, __LINE__);
	return fits;
}

/*
 * Is the leaf, whose alternative names are, in the anchor's scope altogether? The CN counts where
 * there is no DNS name, or the client wants it to. A leaf that names no server is in no scope: a
 * client that does not look for a name would take it for any.
 */
static bool is_leaf_in_scope(const struct crypto *c, X509_STORE_CTX *ctx, const X509 *leaf,
			     const struct trust_anchor *anchor)
{
	const X509_NAME *subject = c->api.X509_get_subject_name(leaf);
	bool dns, address, named;

	if (!read_kinds(c, leaf, &dns, &address))
		return false;
	named = dns || address;
	if (dns && !wants_cn(c, ctx))
		return true;
	for (int i = -1;
	     (i = c->api.X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0;) {
		enum scope_cn cn = SCOPE_CN_OUTSIDE;
		char buf[256] = "";

		if (read_cn(c, subject, i, buf, sizeof(buf)))
			cn = scope_check_cn(anchor->scopes, anchor->scope_count, buf);
		if (cn == SCOPE_CN_OUTSIDE)
			return false;
		named = named || cn == SCOPE_CN_INSIDE;
	}
	return named;
}

bool leaf_scope_holds(const struct crypto *c, X509_STORE_CTX *ctx, X509 *leaf,
		      const struct trust_anchor *anchor)
{
	if (anchor->scope == NULL)
		return true;
	/* For what it does: NAME_CONSTRAINTS_check() goes by the names that are decoded so far. */
	(void)c->api.X509_get_extension_flags(leaf);
	return c->api.NAME_CONSTRAINTS_check(leaf, anchor->scope) == X509_V_OK &&
	       is_leaf_in_scope(c, ctx, leaf, anchor);
}

int leaf_scope_break(const struct crypto *c, X509_STORE_CTX *ctx, int depth,
		     const struct trust_anchor *anchor)
{
	const STACK_OF(X509) *chain = c->api.X509_STORE_CTX_get0_chain(ctx);

	for (int i = 0; i == 0 || i < depth; i++) {
		X509 *cert = c->api.OPENSSL_sk_value((const OPENSSL_STACK *)chain, i);

		if (i > 0 && (c->api.X509_get_extension_flags(cert) & EXFLAG_SI) != 0)
			continue;
		if (c->api.NAME_CONSTRAINTS_check(cert, anchor->scope) != X509_V_OK ||
		    (i == 0 && !is_leaf_in_scope(c, ctx, cert, anchor)))
			return i;
	}
	return -1;
}
