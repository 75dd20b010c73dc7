/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

#include "policy/leaf_scope.h"
#include "policy/strict.h"

#include "openssl/openssl_calls.h"

void policy_free(const struct crypto *c, struct policy_loan *loan)
{
	certs_free(c, loan->trusted);
	certs_free(c, loan->untrusted);
	*loan = (struct policy_loan){.trusted = NULL};
}

/*
 * A certificate from the store is at the end of the chain. A leaf that is a trust anchor itself,
 * under X509_V_FLAG_PARTIAL_CHAIN, stays first, with the certificates that the server sent behind
 * it (check_trust() in crypto/x509/x509_vfy.c).
 */
int policy_anchor_depth(const struct crypto *c, const X509_STORE_CTX *ctx)
{
	int count = certs_count(c, X509_STORE_CTX_get0_chain(ctx));
	int sent = X509_STORE_CTX_get_num_untrusted(ctx);

	if (count <= 0 || sent >= count)
		return -1;
	return sent <= 0 ? 0 : count - 1;
}

/* The index of ex_data in our own contexts: the one that X509_STORE_CTX_set_app_data() uses. */
enum { ERRORS_MAX = 16, PROBE = 0 };

/*
 * A probe: our own verification, with the same parameters, which the program does not notice. It
 * uses an empty store, and neither the program's callbacks nor revocation lists.
 */
struct probe {
	X509_STORE_CTX *ctx; /* the caller frees it, in any case */
	struct {
		int code, depth;
	} error[ERRORS_MAX]; /* all errors, in the order in which they were found */
	size_t error_count;
};

/* A callback that goes on after each error, so that all are found. */
static int record(int ok, X509_STORE_CTX *ctx)
{
	struct crypto *c = binding_calling(__builtin_return_address(0));
	struct probe *p = c == NULL ? NULL : X509_STORE_CTX_get_ex_data(ctx, PROBE);

	if (p == NULL)
		return 0;
	if (!ok && p->error_count < ERRORS_MAX) {
		p->error[p->error_count].code = X509_STORE_CTX_get_error(ctx);
		p->error[p->error_count].depth = X509_STORE_CTX_get_error_depth(ctx);
		p->error_count++;
	}
	return 1;
}

/* The parameters of ctx, for a probe; strict: with X509_V_FLAG_X509_STRICT, if ctx has it. */
static X509_VERIFY_PARAM *copy_param(const struct crypto *c, X509_STORE_CTX *ctx, bool strict)
{
	unsigned long without = X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL |
				(strict ? 0 : X509_V_FLAG_X509_STRICT);
	X509_VERIFY_PARAM *param = X509_VERIFY_PARAM_new();

	if (param == NULL || X509_VERIFY_PARAM_set1(param, X509_STORE_CTX_get0_param(ctx)) != 1) {
		X509_VERIFY_PARAM_free(param);
		return NULL;
	}
	X509_VERIFY_PARAM_clear_flags(param, without);
	return param;
}

/* false if there is no memory. */
static bool probe_run(struct probe *p, const struct candidates *f, STACK_OF(X509) * trusted,
		      STACK_OF(X509) * untrusted, bool strict)
{
	const struct crypto *c = f->crypto;
	X509_STORE *empty = X509_STORE_new();
	X509_VERIFY_PARAM *param = copy_param(c, f->ctx, strict);
	bool ran = false;

	*p = (struct probe){.ctx = X509_STORE_CTX_new()};
	if (empty == NULL || param == NULL || p->ctx == NULL || trusted == NULL ||
	    X509_STORE_CTX_init(p->ctx, empty, f->leaf, untrusted) != 1 ||
	    X509_STORE_CTX_set_ex_data(p->ctx, PROBE, p) != 1)
		goto out;
	X509_STORE_CTX_set0_param(p->ctx, param);
	param = NULL;
	X509_STORE_CTX_set0_trusted_stack(p->ctx, trusted);
	X509_STORE_CTX_set_verify_cb(p->ctx, record);
	/* The result says only whether it ran to the end, because no error stops it. */
	ran = c->real.X509_verify_cert(p->ctx) >= 0;
out:
	X509_VERIFY_PARAM_free(param);
	X509_STORE_free(empty);
	return ran;
}

/*
 * Could another chain of the same leaf be free of this error? Not if the error is about the leaf
 * alone: its names, dates, purpose or revocation.
 */
static bool depends_on_chain(int error, int depth)
{
	static const unsigned char of_chain[] = {
		X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
		X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE,
		X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY,
		X509_V_ERR_CERT_SIGNATURE_FAILURE,
		X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
		X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
		X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
		X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
		X509_V_ERR_CERT_CHAIN_TOO_LONG,
		X509_V_ERR_PATH_LENGTH_EXCEEDED,
		X509_V_ERR_CERT_UNTRUSTED,
		X509_V_ERR_CERT_REJECTED,
		X509_V_ERR_SUBJECT_ISSUER_MISMATCH,
		X509_V_ERR_AKID_SKID_MISMATCH,
		X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH,
		X509_V_ERR_KEYUSAGE_NO_CERTSIGN,
		X509_V_ERR_PERMITTED_VIOLATION,
		X509_V_ERR_EXCLUDED_VIOLATION,
		X509_V_ERR_SUBTREE_MINMAX,
		X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE,
		X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX,
		X509_V_ERR_UNSUPPORTED_NAME_SYNTAX,
	};

	for (size_t i = 0; i < sizeof(of_chain); i++)
		if (of_chain[i] == error)
			return true;
	return depth > 0 && error != X509_V_ERR_HOSTNAME_MISMATCH &&
	       error != X509_V_ERR_EMAIL_MISMATCH && error != X509_V_ERR_IP_ADDRESS_MISMATCH;
}

/*
 * The first error that makes a chain unusable, or X509_V_OK. relax: ignores the errors that
 * CATRUST_STRICT=relax forgives.
 */
static int error_of_chain(const struct probe *p, bool relax)
{
	for (size_t i = 0; i < p->error_count; i++)
		if (depends_on_chain(p->error[i].code, p->error[i].depth) &&
		    !(relax && strict_forgives(p->error[i].code)))
			return p->error[i].code;
	return X509_V_OK;
}

STACK_OF(X509) * policy_own_certificates(const struct candidates *f)
{
	const struct crypto *c = f->crypto;
	STACK_OF(X509) *certs = certs_new(c);

	for (size_t i = 0; i < f->own_count; i++)
		if (!certs_add(c, certs, f->own[i])) {
			certs_free(c, certs);
			return NULL;
		}
	return certs;
}

/* The program's own copy of the anchor's certificate, or NULL. */
static X509 *own_copy(const struct candidates *f, struct trust_anchor *anchor)
{
	struct crypto *c = f->crypto;

	for (size_t i = 0; i < f->own_count; i++)
		if (X509_cmp(f->own[i], trust_cert(c, anchor)) == 0)
			return f->own[i];
	return NULL;
}

/*
 * Does the program itself trust each of the anchors, as a trust anchor? Then lending adds nothing.
 * Most companies' images have their CA in both places.
 */
static bool trusts_all(const struct candidates *f)
{
	const struct crypto *c = f->crypto;
	bool partial = (X509_VERIFY_PARAM_get_flags(X509_STORE_CTX_get0_param(f->ctx)) &
			X509_V_FLAG_PARTIAL_CHAIN) != 0;

	for (size_t i = 0; i < f->anchor_count; i++) {
		X509 *own = own_copy(f, f->anchor[i]);

		if (own == NULL || (!partial && (X509_get_extension_flags(own) & EXFLAG_SS) == 0))
			return false;
	}
	return true;
}

/*
 * The anchor at which the chain of a probe ends, even if the certificate there is the program's own
 * copy; NULL if there is none. *ret_in_scope: the anchor's scope covers the chain.
 */
static struct trust_anchor *anchor_of(const struct probe *p, const struct candidates *f,
				      bool *ret_in_scope)
{
	struct crypto *c = f->crypto;
	int depth = policy_anchor_depth(c, p->ctx);
	const X509 *cert;

	*ret_in_scope = false;
	if (depth < 0)
		return NULL;
	cert = certs_at(c, X509_STORE_CTX_get0_chain(p->ctx), depth);
	for (size_t i = 0; i < f->anchor_count; i++) {
		struct trust_anchor *a = f->anchor[i];

		if (X509_cmp(cert, trust_cert(c, a)) != 0)
			continue;
		*ret_in_scope = leaf_scope_break(c, p->ctx, depth, a) < 0;
		return a;
	}
	return NULL;
}

static bool has_error(const struct probe *p, int code, int depth)
{
	for (size_t i = 0; i < p->error_count; i++)
		if (p->error[i].code == code && p->error[i].depth == depth)
			return true;
	return false;
}

/*
 * Does a chain that was probed in strict mode have an error that relax forgives? *ret_kept: it also
 * has an error that only strict mode finds and relax does not forgive, or this can't be told.
 */
static bool is_forgivable(const struct probe *p, const struct candidates *f,
			  STACK_OF(X509) * trusted, STACK_OF(X509) * untrusted, bool *ret_kept)
{
	const struct crypto *c = f->crypto;
	struct probe plain = {.ctx = NULL};
	bool forgivable = false;

	*ret_kept = p->error_count == ERRORS_MAX;
	for (size_t i = 0; i < p->error_count; i++) {
		if (strict_forgives(p->error[i].code)) {
			forgivable = true;
			continue;
		}
		if ((plain.ctx == NULL && !probe_run(&plain, f, trusted, untrusted, false)) ||
		    !has_error(&plain, p->error[i].code, p->error[i].depth))
			*ret_kept = true;
	}
	X509_STORE_CTX_free(plain.ctx);
	return forgivable;
}

/*
 * Tries trusted certificates: the program's own (own) or lent ones. Returns true if they make a
 * good chain. Also returns true if there is no memory: the program then runs as if we were not
 * there. *ret_relax: X509_V_FLAG_X509_STRICT may be switched off, because the chain ends at an
 * anchor, and has only errors that may be forgiven. If the chain is outside the scope of a lent
 * anchor, check_scope() refuses it later.
 */
static bool try_trusted(const struct candidates *f, STACK_OF(X509) * trusted,
			STACK_OF(X509) * untrusted, bool own, bool relax, bool *ret_relax)
{
	const struct crypto *c = f->crypto;
	struct trust_anchor *anchor;
	struct probe p;
	bool does = true, in_scope, forgivable, kept = true;

	*ret_relax = false;
	if (probe_run(&p, f, trusted, untrusted, true)) {
		anchor = anchor_of(&p, f, &in_scope);
		forgivable = relax && is_forgivable(&p, f, trusted, untrusted, &kept);
		*ret_relax = anchor != NULL && (!own || in_scope) && !kept;
		/* With an anchor, these errors may be forgiven, if the chain ends there. */
		does = error_of_chain(&p, *ret_relax) == X509_V_OK && (own || in_scope) &&
		       (!forgivable || *ret_relax);
	}
	X509_STORE_CTX_free(p.ctx);
	return does;
}

static bool has_signed(const struct crypto *c, const X509 *issuer, X509 *cert)
{
	return X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(issuer)) == 0 &&
	       X509_cmp(cert, issuer) != 0 && X509_verify(cert, X509_get0_pubkey(issuer)) == 1;
}

/* Has an anchor signed one of the candidates? */
static bool has_signed_any(const struct candidates *f, struct trust_anchor *a)
{
	struct crypto *c = f->crypto;
	const X509 *issuer = trust_cert(c, a);

	/* The certificate of one server, as an anchor, vouches for itself. */
	if (X509_cmp(f->leaf, issuer) == 0 || has_signed(c, issuer, f->leaf))
		return true;
	for (int i = 0; i < certs_count(c, f->sent) && i < CANDIDATES_OWN; i++)
		if (has_signed(c, issuer, certs_at(c, f->sent, i)))
			return true;
	for (size_t i = 0; i < f->own_count; i++)
		if (has_signed(c, issuer, f->own[i]))
			return true;
	for (size_t i = 0; i < f->anchor_count; i++)
		if (has_signed(c, issuer, trust_cert(c, f->anchor[i])))
			return true;
	return false;
}

/*
 * If two anchors have the same name, and the certificates have no key identifiers, OpenSSL may use
 * either. It also uses an anchor that has the issuer's name but another key, and the error would
 * then be different. So an anchor is left out if its key did not sign the chain.
 */
static bool is_other_key(const struct candidates *f, size_t at)
{
	struct crypto *c = f->crypto;
	bool is_clear = X509_get0_subject_key_id(trust_cert(c, f->anchor[at])) != NULL &&
			X509_get0_authority_key_id(f->leaf) != NULL;

	for (size_t i = 0; i < f->anchor_count && is_clear; i++)
		is_clear = i == at || X509_NAME_cmp(f->anchor[i]->name, f->anchor[at]->name) != 0;
	for (int i = 0; i < certs_count(c, f->sent) && is_clear; i++)
		is_clear = X509_get0_authority_key_id(certs_at(c, f->sent, i)) != NULL;
	return !is_clear && !has_signed_any(f, f->anchor[at]);
}

static bool lend_anchors(const struct candidates *f, struct policy_loan *loan)
{
	struct crypto *c = f->crypto;
	bool in_scope[CANDIDATES_ANCHORS], any = false;

	for (size_t i = 0; i < f->anchor_count; i++) {
		in_scope[i] = leaf_scope_holds(c, f->leaf, f->anchor[i], NULL);
		any = any || in_scope[i];
	}
	for (size_t i = 0; i < f->anchor_count; i++) {
		const X509 *own = own_copy(f, f->anchor[i]);
		X509 *cert = trust_cert(c, f->anchor[i]);

		if ((own != NULL && X509_trusted(own) != 0) || is_other_key(f, i))
			continue;
		/*
		 * If no scope covers the leaf, anchors are lent all the same, so that check_scope()
		 * reports it.
		 */
		if (!certs_add(c, in_scope[i] || !any ? loan->trusted : loan->untrusted, cert))
			return false;
	}
	return true;
}

/* false if there is no memory. */
static bool make_loan(const struct candidates *f, struct policy_loan *loan)
{
	const struct crypto *c = f->crypto;

	loan->trusted = certs_new(c);
	loan->untrusted = certs_new(c);
	for (int i = 0; i < certs_count(c, f->sent); i++)
		if (!certs_add(c, loan->untrusted, certs_at(c, f->sent, i)))
			return false;
	if (!lend_anchors(f, loan))
		return false;
	/* X509_trusted(): it has trust settings from a file (BEGIN TRUSTED CERTIFICATE). */
	for (size_t i = 0; i < f->own_count; i++)
		if (!certs_add(c, X509_trusted(f->own[i]) != 0 ? loan->trusted : loan->untrusted,
			       f->own[i]))
			return false;
	return certs_count(c, loan->trusted) > 0;
}

struct policy_loan policy_decide(struct candidates *f, const struct policy_settings *settings)
{
	const struct crypto *c = f->crypto;
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(f->ctx);
	bool relax = settings->relax &&
		     (X509_VERIFY_PARAM_get_flags(param) & X509_V_FLAG_X509_STRICT) != 0;
	bool all_own = trusts_all(f), does = false;
	struct policy_loan loan = {.trusted = NULL};
	STACK_OF(X509) * own;

	if ((all_own && !relax) || (settings->is_meant != NULL && !settings->is_meant(c, f->ctx)))
		return loan;
	if (f->own_count > 0) {
		own = policy_own_certificates(f);
		does = try_trusted(f, own, f->sent, true, relax, &loan.relax);
		certs_free(c, own);
	}
	if (does || all_own)
		return loan;
	does = make_loan(f, &loan);
	/*
	 * If the program has no certificate of its own that could be part of the chain, it has
	 * nothing to lose.
	 */
	if (does && (f->own_count > 0 || relax))
		does = try_trusted(f, loan.trusted, loan.untrusted, false, relax, &loan.relax) ||
		       f->own_count == 0;
	if (!does)
		policy_free(c, &loan);
	return loan;
}

int policy_relaxed(struct candidates *f)
{
	const struct crypto *c = f->crypto;
	struct policy_loan loan = {.trusted = NULL};
	int error = X509_V_ERR_UNSPECIFIED;
	struct probe p = {.ctx = NULL};
	bool in_scope;

	if (make_loan(f, &loan) && probe_run(&p, f, loan.trusted, loan.untrusted, true)) {
		error = X509_V_OK;
		for (size_t i = p.error_count; i-- > 0;)
			if (!strict_forgives(p.error[i].code))
				error = p.error[i].code;
		if (error == X509_V_OK && (anchor_of(&p, f, &in_scope) == NULL || !in_scope))
			error = X509_V_ERR_PERMITTED_VIOLATION;
	}
	X509_STORE_CTX_free(p.ctx);
	policy_free(c, &loan);
	return error;
}
