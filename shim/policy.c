/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

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

struct trust_anchor *policy_anchor(const struct crypto *crypto, const struct trust *trust,
				   X509_STORE_CTX *ctx)
{
	const STACK_OF(X509) *chain = crypto->api.X509_STORE_CTX_get0_chain(ctx);
	int count = count_of(crypto, chain);

	if (trust == NULL || count <= 0)
		return NULL;
	return trust_find_equal(crypto, trust, cert_at(crypto, chain, count - 1));
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

static bool in_date(const struct crypto *c, const X509 *cert)
{
	return c->api.X509_cmp_current_time(c->api.X509_get0_notBefore(cert)) < 0 &&
	       c->api.X509_cmp_current_time(c->api.X509_get0_notAfter(cert)) > 0;
}

static bool same_key(const struct crypto *c, const X509 *a, const X509 *b)
{
	unsigned char digest[2][EVP_MAX_MD_SIZE];
	unsigned int len[2] = {0, 0};

	return c->api.X509_pubkey_digest(a, c->api.EVP_sha256(), digest[0], &len[0]) == 1 &&
	       c->api.X509_pubkey_digest(b, c->api.EVP_sha256(), digest[1], &len[1]) == 1 &&
	       len[0] == len[1] && memcmp(digest[0], digest[1], len[0]) == 0;
}

static bool has_issued(const struct crypto *c, X509 *issuer, X509 *cert)
{
	return issuer != cert && c->api.X509_check_issued(issuer, cert) == X509_V_OK &&
	       c->api.X509_verify(cert, c->api.X509_get0_pubkey(issuer)) == 1;
}

/* The search for somebody else who vouches for a chain that an anchor may not vouch for. */
struct search {
	const struct crypto *crypto;
	const struct trust *trust;
	const STACK_OF(X509) * chain;
	X509_STORE_CTX *lookup;
	int below; /* the CAs between the leaf and where the search has come to, that one included
		    */
	bool partial; /* X509_V_FLAG_PARTIAL_CHAIN: what is in the program's store need be no root
		       */
	X509 *held;   /* where the search has come to; a reference */
};

static void hold(struct search *s, X509 *cert)
{
	s->crypto->api.X509_up_ref(cert);
	s->crypto->api.X509_free(s->held);
	s->held = cert;
}

/* Would OpenSSL let a CA stand above what was found so far? Where in doubt, the scope stays. */
static bool may_stand(const struct search *s, X509 *cert, int below)
{
	const struct crypto *c = s->crypto;
	long path_length = c->api.X509_get_pathlen(cert);

	return in_date(c, cert) && (path_length < 0 || path_length >= below) &&
	       c->api.X509_check_purpose(cert, X509_PURPOSE_SSL_SERVER, 1) > 0 &&
	       c->api.X509_check_trust(cert, X509_TRUST_SSL_SERVER, 0) != X509_TRUST_REJECTED &&
	       c->api.X509_get_ext_by_NID(cert, NID_name_constraints, -1) < 0;
}

/* Is a certificate out of the store one that ends a chain by itself? */
static bool ends_chain(const struct search *s, X509 *cert)
{
	const struct trust_anchor *anchor = trust_find(s->trust, cert);

	if (anchor != NULL)
		return anchor->scope == NULL || out_of_scope(s->crypto, s->chain, anchor) < 0;
	if (trust_is_former(s->trust, cert))
		return false;
	return s->partial || (s->crypto->api.X509_get_extension_flags(cert) & EXFLAG_SS) != 0;
}

/*
 * One step up: to the program's own certificate of the same key, or to an issuer. 1: somebody
 * vouches; 0: further up, s->held is new; -1: nobody.
 */
static int step(struct search *s, bool same, const STACK_OF(X509) * candidates, bool from_store)
{
	int ret = -1;

	for (int i = 0; ret != 1 && i < count_of(s->crypto, candidates); i++) {
		X509 *cert = cert_at(s->crypto, candidates, i);
		bool fits = same ? cert != s->held && trust_find(s->trust, cert) == NULL &&
					    !trust_is_former(s->trust, cert) &&
					    same_key(s->crypto, cert, s->held)
				 : has_issued(s->crypto, cert, s->held);

		if (!fits || !may_stand(s, cert, same ? s->below : s->below + 1))
			continue;
		if (from_store && ends_chain(s, cert)) {
			ret = 1;
		} else if (ret < 0) {
			hold(s, cert);
			ret = 0;
			break;
		}
	}
	return ret;
}

/*
 * Another thread may have brought the store to a newer generation meanwhile, and none of its
 * anchors may pass for the program's own: so the rules are those of after the look, whenever it is.
 */
static STACK_OF(X509) * certs_in_store(struct search *s, const X509_NAME *subject)
{
	STACK_OF(X509) *found = s->crypto->api.X509_STORE_CTX_get1_certs(s->lookup, subject);

	s->trust = trust_present(s->crypto);
	return found;
}

static int step_in_store(struct search *s, bool same)
{
	const struct crypto *c = s->crypto;
	const X509_NAME *name =
		same ? c->api.X509_get_subject_name(s->held) : c->api.X509_get_issuer_name(s->held);
	STACK_OF(X509) *found = certs_in_store(s, name);
	int ret = step(s, same, found, true);

	c->api.OPENSSL_sk_pop_free((OPENSSL_STACK *)found, (OPENSSL_sk_freefunc)c->api.X509_free);
	return ret;
}

/* With X509_V_FLAG_PARTIAL_CHAIN, a program may trust a certificate below the anchor by itself. */
static bool is_pinned_below(struct search *s)
{
	const struct crypto *c = s->crypto;
	bool found = false;

	for (int i = 0; !found && i < count_of(c, s->chain) - 1; i++) {
		X509 *cert = cert_at(c, s->chain, i);
		STACK_OF(X509) *same = certs_in_store(s, c->api.X509_get_subject_name(cert));

		for (int j = 0; !found && j < count_of(c, same); j++) {
			X509 *own = cert_at(c, same, j);

			found = !trust_is_ours(s->trust, own) && c->api.X509_cmp(own, cert) == 0 &&
				c->api.X509_check_trust(own, X509_TRUST_SSL_SERVER, 0) !=
					X509_TRUST_REJECTED;
		}
		c->api.OPENSSL_sk_pop_free((OPENSSL_STACK *)same,
					   (OPENSSL_sk_freefunc)c->api.X509_free);
	}
	return found;
}

/*
 * OpenSSL ends a chain at the first anchor that it finds, and a scoped intermediate may hide the
 * root above it, which the program itself trusts. Nobody is to lose what worked without the shim,
 * so the walk goes on from the anchor through issuers that really signed.
 */
static bool is_trusted_otherwise(const struct crypto *c, const struct trust *trust,
				 X509_STORE_CTX *ctx, const STACK_OF(X509) * chain)
{
	enum { STEPS_MAX = 8 };
	X509_STORE *store = c->api.X509_STORE_CTX_get0_store(ctx);
	unsigned long flags =
		c->api.X509_VERIFY_PARAM_get_flags(c->api.X509_STORE_CTX_get0_param(ctx));
	struct search s = {.crypto = c,
			   .trust = trust,
			   .chain = chain,
			   .partial = (flags & X509_V_FLAG_PARTIAL_CHAIN) != 0};
	bool same_tried = false;
	int ret = -1;

	s.lookup = store == NULL ? NULL : attach_lookup_new(c, store);
	if (s.lookup == NULL)
		return false;
	if (s.partial && is_pinned_below(&s)) {
		ret = 1;
		goto out;
	}
	hold(&s, cert_at(c, chain, count_of(c, chain) - 1));
	s.below = count_of(c, chain) > 2 ? count_of(c, chain) - 2 : 0;
	for (int i = 0; i < STEPS_MAX; i++) {
		/* Once for each key, or two certificates of it would send the search back and
		 * forth. */
		ret = same_tried ? -1 : step_in_store(&s, true);
		if (ret >= 0) {
			same_tried = true;
		} else {
			ret = step_in_store(&s, false);
			if (ret < 0)
				ret = step(&s, false, c->api.X509_STORE_CTX_get0_untrusted(ctx),
					   false);
			same_tried = false;
			s.below++;
		}
		if (ret != 0)
			break;
	}
out:
	c->api.X509_free(s.held);
	c->api.X509_STORE_CTX_free(s.lookup);
	return ret == 1;
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

int policy_check(const struct crypto *crypto, const struct trust *trust, X509_STORE_CTX *ctx,
		 bool is_client, int *ret_depth)
{
	const STACK_OF(X509) *chain = crypto->api.X509_STORE_CTX_get0_chain(ctx);
	int count = count_of(crypto, chain), depth, error;
	const struct trust_anchor *anchor;
	const X509 *last;

	if (count <= 0)
		return X509_V_OK;
	last = cert_at(crypto, chain, count - 1);
	if (!trust_is_ours(trust, last))
		return X509_V_OK;
	anchor = trust_find(trust, last);
	depth = count - 1;
	error = anchor == NULL || !is_client ? X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
					     : date_error(crypto, ctx, last);
	if (error == X509_V_OK && anchor->scope != NULL) {
		depth = out_of_scope(crypto, chain, anchor);
		error = depth < 0 ? X509_V_OK : X509_V_ERR_PERMITTED_VIOLATION;
	}
	if (error == X509_V_OK || is_trusted_otherwise(crypto, trust, ctx, chain))
		return X509_V_OK;
	*ret_depth = depth;
	return error;
}
