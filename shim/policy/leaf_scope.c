/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/leaf_scope.h"

#include <openssl/obj_mac.h>

#include "openssl/openssl_calls.h"

/*
 * The subject alternative names of the certificate. Returns false if they can't be read, or if
 * there is more than one list of them; OpenSSL would then use the common name.
 */
static bool get_names(const struct crypto *c, const X509 *cert, struct span *ret)
{
	int at = X509_get_ext_by_NID(cert, NID_subject_alt_name, -1);
	const ASN1_STRING *value;

	*ret = (struct span){NULL, 0};
	if (at < 0)
		return true;
	if (X509_get_ext_by_NID(cert, NID_subject_alt_name, at) >= 0)
		return false;
	value = X509_EXTENSION_get_data(X509_get_ext(cert, at));
	return names_open(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value), ret);
}

/* A common name that is not text counts as one with a NUL in it, which is in no scope. */
static void check_common_name(const struct crypto *c, const ASN1_STRING *value,
			      struct scope_check *check)
{
	unsigned char *text = NULL;
	int len = ASN1_STRING_to_UTF8(&text, value);

	if (len < 0)
		scope_check_common(check, (const unsigned char *)"", 1);
	else
		scope_check_common(check, text, (size_t)len);
	if (text != NULL)
		CRYPTO_free(text, __FILE__, __LINE__);
}

bool leaf_scope_holds(const struct crypto *c, const X509 *leaf, const struct trust_anchor *anchor,
		      struct name *ret_outside)
{
	const X509_NAME *subject = X509_get_subject_name(leaf);
	struct scope_check check = {.scopes = anchor->scopes, .count = anchor->scope_count};
	struct span names;
	bool holds;

	if (anchor->scope_count == 0)
		return true;
	if (ret_outside != NULL)
		*ret_outside = check.outside;
	if ((c->lacks & SCOPES) != 0)
		return false;
	for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0;)
		check_common_name(c, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)),
				  &check);
	holds = get_names(c, leaf, &names);
	if (holds)
		scope_check_names(&check, names);
	holds = scope_check_end(&check) && holds;
	if (ret_outside != NULL)
		*ret_outside = check.outside;
	return holds;
}

int leaf_scope_break(const struct crypto *c, X509_STORE_CTX *ctx, int depth,
		     const struct trust_anchor *anchor)
{
	const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	struct span names;

	if (!leaf_scope_holds(c, certs_at(c, chain, 0), anchor, NULL))
		return 0;
	for (int i = 1; i < depth && anchor->scope_count > 0; i++) {
		X509 *cert = certs_at(c, chain, i);

		if ((X509_get_extension_flags(cert) & EXFLAG_SI) == 0 &&
		    (!get_names(c, cert, &names) ||
		     !scope_has_names_of_ca(anchor->scopes, anchor->scope_count, names)))
			return i;
	}
	return -1;
}
