/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/lent.h"

#include "verify/linked.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

bool lent_signed(X509 *ca, const STACK_OF(X509) * certs)
{
	bool is_signed = false;

	for (int i = 0; i < sk_X509_num(certs) && !is_signed; i++) {
		X509 *cert = sk_X509_value(certs, i);

		is_signed =
			X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(ca)) == 0 &&
			X509_cmp(cert, ca) != 0 && X509_get0_pubkey(ca) != NULL &&
			X509_verify(cert, X509_get0_pubkey(ca)) == 1;
	}
	ERR_clear_error();
	return is_signed;
}

bool lent_is_valid_now(const X509 *cert)
{
	return X509_cmp_current_time(X509_get0_notBefore(cert)) < 0 &&
	       X509_cmp_current_time(X509_get0_notAfter(cert)) > 0;
}

/* All anchors of a verification in one list. */
struct offer {
	struct anchors anchors;
	struct scope_list *scopes; /* SCOPES_MAX for each of more */
	unsigned char **der;	   /* of each of more; NULL: the trust directories have it */
};

static bool find_trusted(const struct trusted *trusted, const X509 *cert, size_t *ret)
{
	for (*ret = 0; trusted != NULL && *ret < trusted->anchors->count; ++*ret)
		if (trusted->cert[*ret] != NULL && X509_cmp(trusted->cert[*ret], cert) == 0)
			return true;
	return false;
}

/* Puts the scopes of more in front of the anchor's own. */
static const struct scope_list *add_scopes(const struct scopes *more, const struct scope_list *to,
					   struct scope_list *room)
{
	for (size_t i = more->count; i-- > 0; to = &room[i])
		room[i] = (struct scope_list){.scope = more->item[i].scope, .next = to};
	return to;
}

static bool add_more(struct offer *o, const struct verify_anchors *from, int i)
{
	X509 *cert = sk_X509_value(from->more, i);
	struct scope_list *room = &o->scopes[(size_t)i * SCOPES_MAX];
	bool everywhere = from->more_scopes == NULL || from->more_scopes->count == 0;
	struct anchor *anchor;
	size_t at;
	int len;

	if (find_trusted(from->trusted, cert, &at)) {
		anchor = &o->anchors.anchor[at];
		anchor->scopes = everywhere || anchor->scopes == NULL
					 ? NULL
					 : add_scopes(from->more_scopes, anchor->scopes, room);
		return true;
	}
	len = i2d_X509(cert, &o->der[i]);
	if (len <= 0)
		return false;
	o->anchors.anchor[o->anchors.count++] = (struct anchor){
		.der = o->der[i],
		.der_len = (size_t)len,
		.file = "",
		.scopes = everywhere ? NULL : add_scopes(from->more_scopes, NULL, room),
	};
	return true;
}

struct trust *lent_trust(const struct verify_anchors *from)
{
	size_t trusted = from->trusted == NULL ? 0 : from->trusted->anchors->count;
	int more = from->more == NULL ? 0 : sk_X509_num(from->more);
	struct offer o = {
		.anchors.anchor = calloc(trusted + (size_t)more + 1, sizeof(struct anchor)),
		.scopes = calloc((size_t)more * SCOPES_MAX + 1, sizeof(struct scope_list)),
		.der = calloc((size_t)more + 1, sizeof(unsigned char *)),
	};
	struct trust *trust = NULL;
	bool ok = o.anchors.anchor != NULL && o.scopes != NULL && o.der != NULL;

	if (ok && trusted > 0)
		memcpy(o.anchors.anchor, from->trusted->anchors->anchor,
		       trusted * sizeof(struct anchor));
	o.anchors.count = trusted;
	for (int i = 0; ok && i < more; i++)
		ok = add_more(&o, from, i);
	if (ok)
		trust = trust_make(linked_crypto(), &o.anchors, NULL);
	for (int i = 0; o.der != NULL && i < more; i++)
		OPENSSL_free(o.der[i]);
	free(o.anchors.anchor);
	free(o.scopes);
	free(o.der);
	return trust;
}
