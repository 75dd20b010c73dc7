/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/chain.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

bool chain_is_root(X509 *cert)
{
	return X509_self_signed(cert, 0) == 1;
}

static bool signed_by(X509 *issuer, X509 *subject)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	bool yes =
		key != NULL &&
		X509_NAME_cmp(X509_get_subject_name(issuer), X509_get_issuer_name(subject)) == 0 &&
		X509_verify(subject, key) == 1;

	ERR_clear_error();
	return yes;
}

bool chain_contains(const STACK_OF(X509) * certs, const X509 *cert)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (X509_cmp(sk_X509_value(certs, i), cert) == 0)
			return true;
	return false;
}

/* The issuer of subject in from, if it is not in the path yet. */
static X509 *find_issuer(const struct chain *chain, const STACK_OF(X509) * from, X509 *subject)
{
	X509 *best = NULL, *poor = NULL;

	for (int i = 0; i < sk_X509_num(from); i++) {
		X509 *cert = sk_X509_value(from, i);

		if (chain_contains(chain->path, cert) || !signed_by(cert, subject))
			continue;
		/*
		 * If there is no better issuer, one that may not sign is taken, and the user is
		 * told.
		 */
		if (X509_check_issued(cert, subject) != X509_V_OK)
			poor = poor == NULL ? cert : poor;
		else if (chain_is_root(cert))
			return cert;
		else if (best == NULL)
			best = cert;
	}
	return best != NULL ? best : poor;
}

int chain_build(const STACK_OF(X509) * sent, const STACK_OF(X509) * known, struct chain *ret)
{
	struct chain chain = {sk_X509_new_null(), sk_X509_new_null()};
	X509 *next = sk_X509_value(sent, 0);

	if (chain.path == NULL || chain.extra == NULL)
		goto fail;
	while (next != NULL && sk_X509_num(chain.path) < CHAIN_MAX_DEPTH) {
		X509 *last = next;

		if (!X509_add_cert(chain.path, last, X509_ADD_FLAG_UP_REF))
			goto fail;
		if (chain_is_root(last))
			break;
		next = find_issuer(&chain, sent, last);
		if (next == NULL)
			next = find_issuer(&chain, known, last);
	}
	for (int i = 0; i < sk_X509_num(sent); i++) {
		X509 *cert = sk_X509_value(sent, i);

		if (!chain_contains(chain.path, cert) &&
		    !X509_add_cert(chain.extra, cert, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP))
			goto fail;
	}
	*ret = chain;
	return 0;
fail:
	chain_clear(&chain);
	return -1;
}

void chain_clear(struct chain *chain)
{
	sk_X509_pop_free(chain->path, X509_free);
	sk_X509_pop_free(chain->extra, X509_free);
	*chain = (struct chain){NULL, NULL};
}

enum chain_top chain_top(const struct chain *chain, X509 **ret)
{
	int last = sk_X509_num(chain->path) - 1;
	X509 *top = sk_X509_value(chain->path, last);

	*ret = top;
	if (last == 0) {
		if (!chain_is_root(top))
			return CHAIN_NONE;
		return X509_check_ca(top) == 1 ? CHAIN_OWN_CA : CHAIN_OWN;
	}
	return chain_is_root(top) ? CHAIN_ROOT : CHAIN_INTERMEDIATE;
}
