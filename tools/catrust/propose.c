/* SPDX-License-Identifier: Apache-2.0 */
#include "propose.h"

#include "offer.h"
#include "scopedir.h"
#include "show.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

/* The certificate that --fingerprint names: the chain's top before all others. */
static X509 *named_by_user(const struct fetch *f)
{
	for (int i = sk_X509_num(f->chain.path) - 1; i >= 0; i--) {
		X509 *cert = sk_X509_value(f->chain.path, i);

		if (fingerprints_have(&f->session->options->fingerprints, cert))
			return cert;
	}
	return NULL;
}

static bool is_own(enum chain_top kind)
{
	return kind == CHAIN_OWN || kind == CHAIN_OWN_CA;
}

static const char *reason_for(const struct fetch *f, X509 *cert)
{
	X509 *top;
	enum chain_top kind = chain_top(&f->chain, &top);

	if (f->session->options->pin)
		return "the server's own, self-signed certificate, for this server alone";
	if (cert != top && f->session->options->fingerprints.count == 0)
		return "an intermediate CA that the server fails to send, below one that is "
		       "publicly trusted";
	if (cert != top)
		return "named by --fingerprint";
	if (kind == CHAIN_OWN_CA)
		return "the server's own, which is self-signed and a CA at once: whoever has the "
		       "server's key could vouch for every name (--pin confines it to this server)";
	if (kind == CHAIN_INTERMEDIATE)
		return "an intermediate CA, the topmost that is known: the root above it was not "
		       "sent and is not known here. What the root's other CAs issue stays "
		       "untrusted, and when this one is renewed, it must be fetched again";
	if (chain_contains(f->peer.certs, cert))
		return "the root of this chain, as the server sent it";
	if (trusted_file_of(&f->trusted, cert) != NULL)
		return "the root of this chain, which is saved here already";
	if (chain_contains(f->fetched, cert))
		return "the root of this chain, fetched from where the CA below it says it is: no "
		       "more proof than if the server had sent it";
	return "the root of this chain, which this machine's system store has: somebody who may "
	       "administer it trusted it before";
}

/* The certificate to save, or NULL after saying why there is none. */
static X509 *choose(struct fetch *f)
{
	const struct options *options = f->session->options;
	X509 *top, *named;
	enum chain_top kind = chain_top(&f->chain, &top);
	char issuer[SHOW_MAX];

	if (options->fingerprints.count > 0) {
		named = named_by_user(f);
		if (named == NULL) {
			fetch_fail(f, "no certificate of this chain has the fingerprint that "
				      "--fingerprint gave: nothing is saved. If you have it from a "
				      "source that you trust, somebody may be between you and the "
				      "server");
			return NULL;
		}
		top = named;
		kind = named == sk_X509_value(f->chain.path, 0) ? kind : CHAIN_INTERMEDIATE;
	}
	if (options->pin && (!is_own(kind) || !chain_is_root(top))) {
		fetch_fail(f, "--pin is for a server's own, self-signed certificate, and this one "
			      "has an issuer: trust its CA instead, without --pin");
		return NULL;
	}
	if (kind == CHAIN_OWN && !options->pin && options->fingerprints.count == 0) {
		fetch_fail(f,
			   "the server's certificate is self-signed and is no CA: there is no CA "
			   "to trust. The server should get a certificate from a CA; until then, "
			   "--pin trusts this one, for this server alone");
		return NULL;
	}
	if (kind == CHAIN_NONE && options->fingerprints.count == 0) {
		fetch_fail(f,
			   "the server sent no CA, and the issuer of its certificate is not "
			   "known here: %s. Get the CA's certificate from its administrator and "
			   "use catrust add",
			   show_name(X509_get_issuer_name(top), issuer));
		return NULL;
	}
	return top;
}

/* The topmost CA, below place top of the path, that the server fails to send; or NULL. */
static X509 *unsent_below(const struct fetch *f, int top)
{
	for (int i = top - 1; i > 0; i--)
		if (!chain_contains(f->peer.certs, sk_X509_value(f->chain.path, i)))
			return sk_X509_value(f->chain.path, i);
	return NULL;
}

/*
 * A public CA above the server means that trust is not what is missing. An intermediate CA may be:
 * with --with-intermediate, it takes the public one's place as the candidate.
 */
static bool is_public(struct fetch *f)
{
	char name[SHOW_MAX];

	for (int i = 1; i < sk_X509_num(f->chain.path); i++) {
		X509 *cert = sk_X509_value(f->chain.path, i), *unsent = unsent_below(f, i);

		if (trusted_file_of(&f->trusted, cert) != NULL)
			return false;
		if (candidate_find_key(f->session->public_cas, cert) == NULL)
			continue;
		if (f->session->options->with_intermediate && unsent != NULL) {
			f->candidate = unsent;
			return false;
		}
		fetch_fail(f,
			   "its CA is publicly trusted already: %s. Adding it would mend "
			   "nothing; if verification fails, the reason is another one",
			   show_name(X509_get_subject_name(cert), name));
		return true;
	}
	return false;
}

/*
 * The intermediate CAs that --with-intermediate saves with cert: those that the server does not
 * send, or else the topmost one. NULL: out of memory.
 */
static STACK_OF(X509) * intermediates_below(const struct fetch *f, const X509 *cert)
{
	STACK_OF(X509) *below = sk_X509_new_null();
	int top = 0;
	bool ok = below != NULL;

	while (top < sk_X509_num(f->chain.path) &&
	       X509_cmp(sk_X509_value(f->chain.path, top), cert) != 0)
		top++;
	for (int i = 1; ok && i < top; i++) {
		X509 *ca = sk_X509_value(f->chain.path, i);

		if (!chain_contains(f->peer.certs, ca))
			ok = X509_add_cert(below, ca, X509_ADD_FLAG_UP_REF) == 1;
	}
	if (ok && sk_X509_num(below) == 0 && top > 1)
		ok = X509_add_cert(below, sk_X509_value(f->chain.path, top - 1),
				   X509_ADD_FLAG_UP_REF) == 1;
	if (!ok) {
		sk_X509_pop_free(below, X509_free);
		below = NULL;
	}
	return below;
}

/* What both generations of Python would say with cert, and below if that is not NULL, trusted. */
static int try_out(struct fetch *f, X509 *cert, const STACK_OF(X509) * below, struct verdict *ret)
{
	STACK_OF(X509) *anchors = sk_X509_new_null();
	bool ok = anchors != NULL && X509_add_cert(anchors, cert, X509_ADD_FLAG_UP_REF) == 1;

	for (int i = 0; ok && i < sk_X509_num(below); i++)
		ok = X509_add_cert(anchors, sk_X509_value(below, i), X509_ADD_FLAG_UP_REF) == 1;
	ok = ok &&
	     dryrun_verify(f->peer.certs, anchors, &f->name, DRYRUN_TO_312, &ret->older) == 0 &&
	     dryrun_verify(f->peer.certs, anchors, &f->name, DRYRUN_FROM_313, &ret->newer) == 0;
	ret->known = ok;
	sk_X509_pop_free(anchors, X509_free);
	return ok ? 0 : -1;
}

static void show_dryrun(const char *client, const struct dryrun *result)
{
	if (result->error == X509_V_OK)
		show_line(SHOW_PLAIN, "with it, this server is accepted by %s", client);
	else
		show_line(SHOW_WARNING, "with it, this server is still refused by %s: %s (%s)",
			  client, X509_verify_cert_error_string(result->error),
			  result->depth == 0 ? "the server's own certificate"
					     : "a CA of the chain");
}

static bool accepts(const struct verdict *v)
{
	return v->older.error == X509_V_OK || v->newer.error == X509_V_OK;
}

static bool accepts_more(const struct verdict *a, const struct verdict *b)
{
	return (a->older.error == X509_V_OK && b->older.error != X509_V_OK) ||
	       (a->newer.error == X509_V_OK && b->newer.error != X509_V_OK);
}

/* Would it help at all, and would the intermediates help more? */
static bool helps(struct fetch *f, const struct offer *offer, const STACK_OF(X509) * below)
{
	struct verdict with_below;

	if (try_out(f, offer->cert, offer->below, &f->verdict) != 0 ||
	    try_out(f, offer->cert, below, &with_below) != 0) {
		fetch_fail(f, "out of memory");
		return false;
	}
	show_dryrun("Python up to 3.12", &f->verdict.older);
	show_dryrun("Python 3.13 and newer", &f->verdict.newer);
	if (accepts_more(&with_below, &f->verdict))
		show_line(SHOW_WARNING,
			  "--with-intermediate would mend that: it also saves the intermediate CA "
			  "%s. Its price: Python 3.13 and newer then trust that CA by itself, even "
			  "when the root has expired",
			  chain_contains(f->peer.certs, sk_X509_value(below, 0))
				  ? "below the root"
				  : "that the server fails to send");
	if (accepts(&f->verdict))
		return true;
	fetch_fail(f, "trusting this certificate would not help: nothing is saved%s",
		   accepts_more(&with_below, &f->verdict) ? " (--with-intermediate would help)"
							  : "");
	return false;
}

/* The scope that is asked for. Returns 0 and name, "" for none, or -1 after saying why not. */
static int get_scope(struct fetch *f, char name[SCOPEDIR_NAME])
{
	const struct options *options = f->session->options;
	const char *wrong = NULL;

	name[0] = '\0';
	if (options->scope != NULL)
		wrong = scopedir_parse(options->scope, name);
	else if (options->pin)
		wrong = scopedir_for_host(&f->name, name);
	if (wrong == NULL && name[0] != '\0' && !scopedir_covers(name, &f->name))
		wrong = "--scope does not cover this server";
	if (wrong == NULL)
		return 0;
	fetch_fail(f, "%s: nothing is saved", wrong);
	return -1;
}

static const char *source_of(const struct fetch *f, const X509 *cert)
{
	if (chain_contains(f->peer.certs, cert))
		return "sent by ";
	return chain_contains(f->fetched, cert) ? "named as its issuer by a CA, for "
						: "system store, for ";
}

static enum status go_on(struct fetch *f, struct offer *offer, const STACK_OF(X509) * below)
{
	switch (offer_examine(offer)) {
	case OFFER_TRUSTED:
		f->trusted_already = true;
		return offer_save_below(offer);
	case OFFER_REFUSED:
		return STATUS_NO;
	case OFFER_GO_ON:
		break;
	}
	return helps(f, offer, below) ? offer_save(offer) : STATUS_NO;
}

void propose(struct fetch *f)
{
	const struct options *options = f->session->options;
	char source[64 + TARGET_TEXT], scope[SCOPEDIR_NAME];
	STACK_OF(X509) *below = NULL;
	struct offer offer = {
		.shown = true,
		.pin = options->pin,
		.source = source,
		.options = options,
		.sources = &f->session->sources,
		.trusted = &f->trusted,
		.public_cas = f->session->public_cas,
		.error = &f->error,
		.findings = &f->findings,
		.path = f->path,
	};

	f->status = STATUS_NO;
	f->candidate = choose(f);
	if (f->candidate == NULL || is_public(f) || get_scope(f, scope) != 0)
		return;
	below = intermediates_below(f, f->candidate);
	if (below == NULL) {
		fetch_fail(f, "out of memory");
		return;
	}
	f->because = reason_for(f, f->candidate);
	snprintf(source, sizeof(source), "%s%s", source_of(f, f->candidate), f->where);
	offer.cert = f->candidate;
	offer.because = f->because;
	offer.scope = scope[0] == '\0' ? NULL : scope;
	offer.below = options->with_intermediate ? below : NULL;
	if (options->with_intermediate && sk_X509_num(below) == 0)
		show_line(SHOW_PLAIN, "--with-intermediate: there is no intermediate CA between "
				      "the two");
	f->status = go_on(f, &offer, below);
	sk_X509_pop_free(below, X509_free);
}
