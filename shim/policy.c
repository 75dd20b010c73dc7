/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include "attach.h"
#include "config.h"
#include "leaf_scope.h"
#include "strict.h"

static int count_of(const struct crypto *c, const STACK_OF(X509) * certs)
{
	return c->api.OPENSSL_sk_num((const OPENSSL_STACK *)certs);
}

static X509 *cert_at(const struct crypto *c, const STACK_OF(X509) * certs, int i)
{
	return c->api.OPENSSL_sk_value((const OPENSSL_STACK *)certs, i);
}

/*
 * Where the trust of a chain comes from: the depth of its trust anchor, -1 for a chain without one.
 * What the store has is at the end of the chain, and the first anchor of ours in it ended OpenSSL's
 * search (but for DANE's). A leaf that is an anchor itself, under X509_V_FLAG_PARTIAL_CHAIN, stays
 * first, with what the server sent behind it (check_trust() in crypto/x509/x509_vfy.c).
 */
static int anchor_depth(const struct crypto *c, const struct trust *trust, X509_STORE_CTX *ctx)
{
	const STACK_OF(X509) *chain = c->api.X509_STORE_CTX_get0_chain(ctx);
	int count = count_of(c, chain), sent = c->api.X509_STORE_CTX_get_num_untrusted(ctx);

	if (count <= 0 || sent >= count)
		return -1;
	if (sent <= 0)
		return 0;
	for (int i = sent; i < count; i++)
		if (trust_is_ours(trust, cert_at(c, chain, i)))
			return i;
	return count - 1;
}

/* store: what the anchors would have to be attached to. */
static struct trust_anchor *find_anchor(struct crypto *c, X509_STORE_CTX *ctx, X509_STORE *store)
{
	const struct trust *trust = trust_present(c);
	struct trust_anchor *anchor;
	const X509 *cert;
	int depth;

	if (trust == NULL)
		return NULL;
	depth = anchor_depth(c, trust, ctx);
	if (depth < 0)
		return NULL;
	cert = cert_at(c, c->api.X509_STORE_CTX_get0_chain(ctx), depth);
	anchor = trust_find_equal(c, trust, cert);
	/* Of an anchor itself, the scope is looked at later, with an error of its own. */
	if (anchor == NULL || trust_is_ours(trust, cert))
		return anchor;
	if (!attach_is_done(c, store) ||
	    (anchor->scope != NULL && leaf_scope_break(c, ctx, depth, anchor) >= 0))
		return NULL;
	return anchor;
}

struct trust_anchor *policy_anchor(struct crypto *crypto, X509_STORE_CTX *ctx)
{
	return find_anchor(crypto, ctx, crypto->api.X509_STORE_CTX_get0_store(ctx));
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

struct finding policy_check(const struct crypto *c, X509_STORE_CTX *ctx, bool is_client)
{
	/*
	 * The rules are those of after the chain was built: another thread may have brought the
	 * store to a new generation since the verification began.
	 */
	const struct trust *trust = trust_present(c);
	struct finding found = {.error = X509_V_OK, .depth = -1};
	struct trust_anchor *anchor;
	const X509 *cert;
	int outside;

	if (trust != NULL)
		found.depth = anchor_depth(c, trust, ctx);
	if (found.depth < 0)
		return found;
	cert = cert_at(c, c->api.X509_STORE_CTX_get0_chain(ctx), found.depth);
	if (!trust_is_ours(trust, cert))
		return found;
	anchor = trust_find(trust, cert);
	if (anchor == NULL || !is_client) {
		found.error = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
		return found;
	}
	found.error = date_error(c, ctx, cert);
	if (found.error == X509_V_OK && anchor->scope != NULL) {
		outside = leaf_scope_break(c, ctx, found.depth, anchor);
		if (outside >= 0) {
			found.error = X509_V_ERR_PERMITTED_VIOLATION;
			found.depth = outside;
		}
	}
	found.anchor = found.error == X509_V_OK ? anchor : NULL;
	return found;
}

struct other_way {
	struct crypto *crypto;
	X509_STORE_CTX *ctx; /* the way that there is */
	int depth;	     /* of its anchor */
	const X509 *except;  /* an anchor that does not count; or NULL */
	bool own_only;	     /* none of them counts */
	bool relax;
};

/* The program's own certificates, and anchors that have the chain in their scope. */
static bool may_vouch(void *arg, X509 *cert)
{
	const struct other_way *other = arg;
	/*
	 * Another thread may have brought the store to a newer generation meanwhile, and none of
	 * its anchors may pass for the program's own: so the rules are those of after the look.
	 */
	const struct trust *trust = trust_present(other->crypto);
	const struct trust_anchor *anchor = trust_find(trust, cert);

	if (anchor == NULL)
		return !trust_is_ours(trust, cert);
	return !other->own_only && cert != other->except &&
	       (anchor->scope == NULL ||
		leaf_scope_break(other->crypto, other->ctx, other->depth, anchor) < 0);
}

static bool forgives(void *arg, X509_STORE_CTX *way)
{
	const struct other_way *other = arg;
	struct crypto *c = other->crypto;

	return other->relax && strict_forgives(c->api.X509_STORE_CTX_get_error(way)) &&
	       find_anchor(c, way, c->api.X509_STORE_CTX_get0_store(other->ctx)) != NULL;
}

/* Returns what the way fails with, and the way itself unless it could not be tried. */
static int try_other_way(struct other_way *other, bool is_client, struct again **ret)
{
	const struct again_rules rules = {may_vouch, forgives, other};
	int error;

	*ret = again_verify(other->crypto, other->ctx, &rules);
	if (*ret == NULL)
		return X509_V_ERR_UNSPECIFIED;
	error = again_error(*ret);
	return error != X509_V_OK
		       ? error
		       : policy_check(other->crypto, again_result(*ret), is_client).error;
}

bool policy_is_of_the_way(int error)
{
	static const int errors[] = {
		X509_V_ERR_UNABLE_TO_GET_CRL,
		X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER,
		X509_V_ERR_CRL_SIGNATURE_FAILURE, /* with the key of another than its issuer */
		X509_V_ERR_CERT_SIGNATURE_FAILURE,
		X509_V_ERR_CERT_NOT_YET_VALID,
		X509_V_ERR_CERT_HAS_EXPIRED,
		X509_V_ERR_NO_ISSUER_PUBLIC_KEY, /* in 1.1.1, that is INVALID_CA */
		X509_V_ERR_INVALID_CA,
		X509_V_ERR_PATH_LENGTH_EXCEEDED,
		X509_V_ERR_INVALID_PURPOSE,
		X509_V_ERR_CERT_UNTRUSTED,
		X509_V_ERR_CERT_REJECTED,
		X509_V_ERR_KEYUSAGE_NO_CERTSIGN,
		X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION,
		X509_V_ERR_PERMITTED_VIOLATION,
		X509_V_ERR_EXCLUDED_VIOLATION,
		X509_V_ERR_SUBTREE_MINMAX,
		X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE,
		X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX,
		X509_V_ERR_UNSUPPORTED_NAME_SYNTAX,
		X509_V_ERR_EC_KEY_EXPLICIT_PARAMS,
		X509_V_ERR_CA_KEY_TOO_SMALL,
		X509_V_ERR_CA_MD_TOO_WEAK,
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (errors[i] == error)
			return true;
	return strict_forgives(error);
}

struct again *policy_other_way(struct crypto *crypto, X509_STORE_CTX *ctx, bool is_client)
{
	const struct trust *trust = trust_present(crypto);
	struct other_way other = {.crypto = crypto, .ctx = ctx, .relax = config.relax_strict};
	struct again *way;

	if (trust == NULL)
		return NULL;
	other.depth = anchor_depth(crypto, trust, ctx);
	if (other.depth < 0)
		return NULL;
	other.except = cert_at(crypto, crypto->api.X509_STORE_CTX_get0_chain(ctx), other.depth);
	if (!trust_is_ours(trust, other.except))
		return NULL;
	/* Of the two, an anchor must not be in the way of what the program itself trusts. */
	for (int i = 0; i < 2; i++) {
		other.own_only = i == 0;
		if (try_other_way(&other, is_client, &way) == X509_V_OK)
			return way;
		again_free(way);
	}
	return NULL;
}

int policy_relaxed(struct crypto *crypto, X509_STORE_CTX *ctx)
{
	const struct trust *trust = trust_present(crypto);
	struct other_way other = {.crypto = crypto, .ctx = ctx, .relax = true};
	struct finding found = policy_check(crypto, ctx, true);
	struct again *way;
	int error;

	if (trust == NULL)
		return X509_V_ERR_UNSPECIFIED;
	other.depth = anchor_depth(crypto, trust, ctx);
	error = try_other_way(&other, true, &way);
	again_free(way);
	/* An anchor that may not vouch is none there, so its own error says more. */
	return error != X509_V_OK && found.error != X509_V_OK ? found.error : error;
}
