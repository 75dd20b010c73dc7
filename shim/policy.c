/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include "again.h"
#include "attach.h"

#include <openssl/obj_mac.h>

#include <string.h>

static int count_of(const struct crypto *c, const STACK_OF(X509) * certs)
{
	return c->api.OPENSSL_sk_num((const OPENSSL_STACK *)certs);
}

static X509 *cert_at(const struct crypto *c, const STACK_OF(X509) * certs, int i)
{
	return c->api.OPENSSL_sk_value((const OPENSSL_STACK *)certs, i);
}

/* Has the certificate a name for servers that is not its subject's CN? Where not, the CN counts. */
static bool has_dns_name(const struct crypto *c, const X509 *cert)
{
	GENERAL_NAMES *names = c->api.X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; !found && i < c->api.OPENSSL_sk_num((OPENSSL_STACK *)names); i++) {
		int type = -1;

		c->api.GENERAL_NAME_get0_value(c->api.OPENSSL_sk_value((OPENSSL_STACK *)names, i),
					       &type);
		found = type == GEN_DNS;
	}
	c->api.GENERAL_NAMES_free(names);
	return found;
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

/* Could a CN pass for a host name? X509_check_host() takes wildcards, and names without a dot. */
static bool is_host(const char *cn)
{
	static const char host_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789-_.*";

	return cn[0] != '\0' && cn[strspn(cn, host_chars)] == '\0';
}

/*
 * Is each CN of a leaf without DNS names in the scope? OpenSSL's matcher of constraints is asked
 * for names with a dot; it passes over wildcards and names without one, and takes an address for a
 * name (cn2dnsid() in crypto/x509/v3_ncons.c).
 */
static bool has_cn_in_scope(const struct crypto *c, X509 *cert, const struct trust_anchor *anchor)
{
	const X509_NAME *subject = c->api.X509_get_subject_name(cert);
	int count = 0, addresses = 0;

	for (int i = -1; (i = c->api.X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0;
	     count++) {
		char cn[256] = "";

		if (!read_cn(c, subject, i, cn, sizeof(cn)))
			return false;
		if (scope_is_address(cn)) {
			if (!scope_has_address(anchor->scopes, anchor->scope_count, cn))
				return false;
			addresses++;
		} else if (is_host(cn) && (strchr(cn, '*') != NULL || strchr(cn, '.') == NULL) &&
			   !scope_has_host(anchor->scopes, anchor->scope_count, cn)) {
			return false;
		}
	}
	return (addresses > 0 && addresses == count) ||
	       c->api.NAME_CONSTRAINTS_check_CN(cert, anchor->scope) == X509_V_OK;
}

/*
 * The depth of the first certificate below the anchor that names something out of its scope; -1
 * where there is none. As RFC 5280 6.1.3 has it: every name counts, and self-issued certificates
 * are passed over unless they are the leaf.
 */
static int out_of_scope(const struct crypto *c, const STACK_OF(X509) * chain,
			const struct trust_anchor *anchor)
{
	int count = count_of(c, chain);

	for (int i = 0; i < count && (i == 0 || i < count - 1); i++) {
		X509 *cert = cert_at(c, chain, i);

		if (i > 0 && (c->api.X509_get_extension_flags(cert) & EXFLAG_SI) != 0)
			continue;
		if (c->api.NAME_CONSTRAINTS_check(cert, anchor->scope) != X509_V_OK)
			return i;
		if (i == 0 && !has_dns_name(c, cert) && !has_cn_in_scope(c, cert, anchor))
			return i;
	}
	return -1;
}

struct trust_anchor *policy_anchor(struct crypto *crypto, const struct trust *trust,
				   X509_STORE_CTX *ctx)
{
	const STACK_OF(X509) *chain = crypto->api.X509_STORE_CTX_get0_chain(ctx);
	int count = count_of(crypto, chain);
	struct trust_anchor *anchor;
	const X509 *last;

	if (trust == NULL || count <= 0)
		return NULL;
	last = cert_at(crypto, chain, count - 1);
	anchor = trust_find_equal(crypto, trust, last);
	/* Of an anchor itself, the scope is looked at later, with an error of its own. */
	if (anchor == NULL || trust_is_ours(trust, last))
		return anchor;
	if (!attach_is_done(crypto, crypto->api.X509_STORE_CTX_get0_store(ctx)) ||
	    (anchor->scope != NULL && out_of_scope(crypto, chain, anchor) >= 0))
		return NULL;
	return anchor;
}

/*
 * OpenSSL leaves out the dates of a last certificate that is not self-issued, unless the program
 * has set PARTIAL_CHAIN. Whoever has set a time of his own, or none, is left to it.
 */
static int date_error(const struct crypto *c, X509_STORE_CTX *ctx, const X509 *anchor)
{
	unsigned long flags =
		c->api.X509_VERIFY_PARAM_get_flags(c->api.X509_STORE_CTX_get0_param(ctx));

	if ((flags & (X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_USE_CHECK_TIME)) != 0)
		return X509_V_OK;
	if (c->api.X509_cmp_current_time(c->api.X509_get0_notBefore(anchor)) >= 0)
		return X509_V_ERR_CERT_NOT_YET_VALID;
	if (c->api.X509_cmp_current_time(c->api.X509_get0_notAfter(anchor)) <= 0)
		return X509_V_ERR_CERT_HAS_EXPIRED;
	return X509_V_OK;
}

/* What is wrong with a chain by the rules of trust, and at which depth. */
static int chain_error(const struct crypto *c, const struct trust *trust, X509_STORE_CTX *ctx,
		       bool is_client, int *ret_depth)
{
	const STACK_OF(X509) *chain = c->api.X509_STORE_CTX_get0_chain(ctx);
	int count = count_of(c, chain), error;
	const struct trust_anchor *anchor;
	const X509 *last;

	if (count <= 0)
		return X509_V_OK;
	last = cert_at(c, chain, count - 1);
	if (!trust_is_ours(trust, last))
		return X509_V_OK;
	anchor = trust_find(trust, last);
	*ret_depth = count - 1;
	if (anchor == NULL || !is_client)
		return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
	error = date_error(c, ctx, last);
	if (error != X509_V_OK || anchor->scope == NULL)
		return error;
	*ret_depth = out_of_scope(c, chain, anchor);
	return *ret_depth < 0 ? X509_V_OK : X509_V_ERR_PERMITTED_VIOLATION;
}

struct other_trust {
	const struct crypto *crypto;
	const STACK_OF(X509) * chain;
};

/* The program's own certificates, and anchors that have the chain in their scope. */
static bool is_other_trust(void *arg, X509 *cert)
{
	const struct other_trust *other = arg;
	/*
	 * Another thread may have brought the store to a newer generation meanwhile, and none of
	 * its anchors may pass for the program's own: so the rules are those of after the look.
	 */
	const struct trust *trust = trust_present(other->crypto);
	const struct trust_anchor *anchor = trust_find(trust, cert);

	if (anchor == NULL)
		return !trust_is_ours(trust, cert);
	return anchor->scope == NULL || out_of_scope(other->crypto, other->chain, anchor) < 0;
}

/*
 * Nobody is to lose what worked without the shim, nor by a scope what another anchor vouches for.
 */
static bool is_trusted_otherwise(const struct crypto *c, X509_STORE_CTX *ctx, bool is_client)
{
	struct other_trust other = {c, c->api.X509_STORE_CTX_get0_chain(ctx)};
	struct again *again = again_verify(c, ctx, is_other_trust, &other);
	int depth;
	bool ret = again != NULL && chain_error(c, trust_present(c), again_result(again), is_client,
						&depth) == X509_V_OK;

	again_free(again);
	return ret;
}

int policy_check(const struct crypto *crypto, const struct trust *trust, X509_STORE_CTX *ctx,
		 bool is_client, int *ret_depth)
{
	int error = chain_error(crypto, trust, ctx, is_client, ret_depth);

	return error == X509_V_OK || is_trusted_otherwise(crypto, ctx, is_client) ? X509_V_OK
										  : error;
}
