/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/session.h"

#include "store/system.h"

#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdlib.h>

static bool add_all(STACK_OF(X509) * to, const STACK_OF(X509) * from)
{
	for (int i = 0; i < sk_X509_num(from); i++)
		if (X509_add_cert(to, sk_X509_value(from, i), X509_ADD_FLAG_UP_REF) != 1)
			return false;
	return true;
}

static bool add_proxy_ca(struct session *s, const X509 *cert, const struct scope_list *scopes)
{
	X509 *marked = X509_dup(cert);

	if (marked == NULL || X509_add1_trust_object(marked, OBJ_nid2obj(NID_server_auth)) != 1) {
		X509_free(marked);
		return false;
	}
	s->proxy_cas.item[s->proxy_cas.count++] = (struct transport_ca){marked, scopes};
	return true;
}

static bool add_saved(struct session *s)
{
	bool ok = trusted_read(&s->sources, &s->saved) == 0;
	size_t count = ok && s->saved.anchors != NULL ? s->saved.anchors->count : 0;

	s->proxy_cas.item = calloc(count + 1, sizeof(*s->proxy_cas.item));
	ok = ok && s->proxy_cas.item != NULL;
	for (size_t i = 0; ok && i < count; i++) {
		X509 *cert = s->saved.cert[i];

		ok = cert == NULL || (X509_add_cert(s->known, cert, X509_ADD_FLAG_UP_REF) == 1 &&
				      add_proxy_ca(s, cert, s->saved.anchors->anchor[i].scopes));
	}
	return ok;
}

int session_open(const struct options *options, struct session *ret, struct reason *why)
{
	struct session s = {.options = options, .sources = trusted_sources(options->dir)};
	STACK_OF(X509) * named;

	s.public_cas = system_public_cas(options->public_bundle, why);
	if (s.public_cas == NULL)
		return -1;
	s.system = system_store();
	named = system_named_store();
	s.known = sk_X509_new_null();
	if (s.system != NULL && named != NULL && s.known != NULL && add_saved(&s) &&
	    add_all(s.known, s.system) && add_all(s.known, named)) {
		sk_X509_pop_free(named, X509_free);
		*ret = s;
		return 0;
	}
	sk_X509_pop_free(named, X509_free);
	session_close(&s);
	reason_set(why, "out of memory");
	return -1;
}

void session_close(struct session *s)
{
	sk_X509_pop_free(s->public_cas, X509_free);
	sk_X509_pop_free(s->system, X509_free);
	sk_X509_pop_free(s->known, X509_free);
	for (size_t i = 0; i < s->proxy_cas.count; i++)
		X509_free(s->proxy_cas.item[i].cert);
	free(s->proxy_cas.item);
	trusted_clear(&s->saved);
	*s = (struct session){.options = s->options};
}
