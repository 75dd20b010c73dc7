/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/lent.h"

#include <openssl/err.h>

/* What a CA is to the certificates that were sent. */
enum fit {
	FIT_STRANGER, /* none of them names it as its issuer */
	FIT_WRONG,    /* one does, and another key has signed it */
	FIT_RIGHT,
};

static enum fit fit_of(X509 *ca, const STACK_OF(X509) * sent)
{
	enum fit fit = FIT_STRANGER;

	for (int i = 0; i < sk_X509_num(sent); i++) {
		X509 *cert = sk_X509_value(sent, i);

		if (X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(ca)) != 0 ||
		    X509_cmp(cert, ca) == 0)
			continue;
		if (X509_get0_pubkey(ca) != NULL && X509_verify(cert, X509_get0_pubkey(ca)) == 1)
			return FIT_RIGHT;
		fit = FIT_WRONG;
	}
	ERR_clear_error();
	return fit;
}

bool lent_signed(X509 *ca, const STACK_OF(X509) * certs)
{
	return fit_of(ca, certs) == FIT_RIGHT;
}

bool lent_is_valid_now(const X509 *cert)
{
	return X509_cmp_current_time(X509_get0_notBefore(cert)) < 0 &&
	       X509_cmp_current_time(X509_get0_notAfter(cert)) > 0;
}

static bool is_better(X509 *other, const X509 *than, const STACK_OF(X509) * sent)
{
	return other != NULL && other != than &&
	       X509_NAME_cmp(X509_get_subject_name(other), X509_get_subject_name(than)) == 0 &&
	       lent_is_valid_now(other) && fit_of(other, sent) == FIT_RIGHT;
}

/* Is there an anchor of the same name whose key is the right one? */
static bool has_better(const X509 *than, const struct verify_anchors *anchors,
		       const STACK_OF(X509) * sent)
{
	const struct trusted *trusted = anchors->trusted;

	for (int i = 0; i < sk_X509_num(anchors->more); i++)
		if (is_better(sk_X509_value(anchors->more, i), than, sent))
			return true;
	for (size_t i = 0; trusted != NULL && i < trusted->anchors->count; i++)
		if (is_better(trusted->cert[i], than, sent))
			return true;
	return false;
}

bool lent_replaces(X509 *own, const struct verify_anchors *anchors, const STACK_OF(X509) * sent)
{
	return fit_of(own, sent) == FIT_WRONG && has_better(own, anchors, sent);
}

bool lent_counts(X509 *anchor, const struct verify_anchors *anchors, const STACK_OF(X509) * sent)
{
	return lent_is_valid_now(anchor) && !lent_replaces(anchor, anchors, sent);
}
