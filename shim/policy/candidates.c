/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/candidates.h"

#include <time.h>

#include "openssl/openssl_calls.h"

static void add_name(struct candidates *f, const X509_NAME *name)
{
	const struct crypto *c = f->crypto;

	for (size_t i = 0; i < f->name_count; i++)
		if (f->name[i] == name || X509_NAME_cmp(f->name[i], name) == 0)
			return;
	if (f->name_count == CANDIDATES_NAMES)
		f->too_many = true;
	else
		f->name[f->name_count++] = name;
}

static void add_issuers_of_sent(struct candidates *f, const X509_NAME *name)
{
	const struct crypto *c = f->crypto;
	int count = certs_count(c, f->sent);

	for (int i = 0; i < count; i++) {
		const X509 *cert = certs_at(c, f->sent, i);

		if (X509_NAME_cmp(X509_get_subject_name(cert), name) == 0)
			add_name(f, X509_get_issuer_name(cert));
	}
}

/*
 * Is an anchor valid at the time of the verification? OpenSSL does not check the dates of a trust
 * anchor that is not self-signed.
 */
static bool is_in_date(const struct candidates *f, const struct trust_anchor *a)
{
	const struct crypto *c = f->crypto;
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(f->ctx);
	unsigned long flags = X509_VERIFY_PARAM_get_flags(param);
	time_t when = (flags & X509_V_FLAG_USE_CHECK_TIME) != 0 ? X509_VERIFY_PARAM_get_time(param)
								: time(NULL);

	/* As in X509_cmp_time(), a certificate has expired at the very second in which it ends. */
	return (flags & X509_V_FLAG_NO_CHECK_TIME) != 0 || (a->from <= when && when < a->until);
}

static void add_anchors(struct candidates *f, const struct trust *trust, const X509_NAME *name)
{
	struct crypto *c = f->crypto;
	size_t count;
	struct trust_anchor *const *anchor = trust_find(trust, name, &count);

	for (size_t i = 0; i < count; i++) {
		bool is_blind = anchor[i]->scopes != NULL && (c->lacks & SCOPES) != 0;
		const X509 *cert =
			is_blind || !is_in_date(f, anchor[i]) ? NULL : trust_cert(c, anchor[i]);

		if (cert == NULL)
			continue;
		if (f->anchor_count == CANDIDATES_ANCHORS) {
			f->too_many = true;
			return;
		}
		trust_anchor_ref(anchor[i]);
		f->anchor[f->anchor_count++] = anchor[i];
		add_name(f, X509_get_issuer_name(cert));
	}
}

/*
 * If the name is not in memory, OpenSSL also looks it up in directories, and keeps what it finds in
 * the store. Returns true if one of the certificates is self-signed: OpenSSL stops there.
 */
static bool add_own(struct candidates *f, const X509_NAME *name)
{
	const struct crypto *c = f->crypto;
	STACK_OF(X509) *found = X509_STORE_CTX_get1_certs(f->ctx, name);
	bool is_top = false;

	for (int i = 0; i < certs_count(c, found); i++) {
		X509 *cert = certs_at(c, found, i);

		if (f->own_count == CANDIDATES_OWN) {
			f->too_many = true;
			break;
		}
		if (X509_up_ref(cert) != 1)
			continue;
		f->own[f->own_count++] = cert;
		add_name(f, X509_get_issuer_name(cert));
		is_top = is_top || (X509_get_extension_flags(cert) & EXFLAG_SS) != 0;
	}
	certs_free(c, found);
	return is_top;
}

/* Adds the names to begin with. */
static void begin(struct candidates *f)
{
	const struct crypto *c = f->crypto;

	f->name_count = 0;
	f->too_many = false;
	add_name(f, X509_get_issuer_name(f->leaf));
	/* Then the leaf may be a trust anchor itself. */
	if ((X509_VERIFY_PARAM_get_flags(X509_STORE_CTX_get0_param(f->ctx)) &
	     X509_V_FLAG_PARTIAL_CHAIN) != 0)
		add_name(f, X509_get_subject_name(f->leaf));
}

/* Do the certificates that were sent lead to the name of an anchor? */
static bool is_anchor_near(struct candidates *f, const struct trust *trust)
{
	size_t count = 0;

	begin(f);
	for (size_t i = 0; i < f->name_count && !f->too_many && count == 0; i++) {
		trust_find(trust, f->name[i], &count);
		add_issuers_of_sent(f, f->name[i]);
	}
	return count > 0;
}

bool candidates_find(struct candidates *f, struct crypto *c, const struct trust *trust,
		     X509_STORE_CTX *ctx)
{
	bool near, is_top;

	f->crypto = c;
	f->ctx = ctx;
	f->leaf = X509_STORE_CTX_get0_cert(ctx);
	f->sent = X509_STORE_CTX_get0_untrusted(ctx);
	f->own_count = f->anchor_count = 0;
	if (trust == NULL || f->leaf == NULL)
		return false;
	near = is_anchor_near(f, trust);
	begin(f);
	/* The list grows during the loop. */
	for (size_t i = 0; i < f->name_count && !f->too_many; i++) {
		add_anchors(f, trust, f->name[i]);
		is_top = add_own(f, f->name[i]);
		/* If no anchor can be reached, look up no name that OpenSSL would not look up. */
		if (near || !is_top)
			add_issuers_of_sent(f, f->name[i]);
	}
	return f->anchor_count > 0 && !f->too_many;
}

void candidates_free(struct candidates *f)
{
	const struct crypto *c = f->crypto;

	for (size_t i = 0; i < f->own_count; i++)
		X509_free(f->own[i]);
	for (size_t i = 0; i < f->anchor_count; i++)
		trust_anchor_unref(c, f->anchor[i]);
}
