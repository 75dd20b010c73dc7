/* SPDX-License-Identifier: Apache-2.0 */
#include "propose.h"

#include "fetchcommand.h"
#include "offer.h"
#include "pin.h"
#include "quote.h"
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

static bool names_any(const struct fetch *f, const STACK_OF(X509) * certs)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (fingerprints_have(&f->session->options->fingerprints, sk_X509_value(certs, i)))
			return true;
	return false;
}

/* Why --fingerprint names nothing of the chain: what was not seen may be what it names. */
static void tell_unnamed(struct fetch *f)
{
	char issuer[SHOW_MAX];
	X509 *top;

	chain_top(&f->chain, &top);
	if (names_any(f, f->chain.extra))
		fetch_fail(f, "--fingerprint names a certificate that the server sent, but that is "
			      "no part of its chain: nothing is saved");
	else if (!chain_is_root(top))
		fetch_fail(f,
			   "no certificate that was found has the fingerprint that --fingerprint "
			   "gave: nothing is saved. The chain's root was not sent and is not to be "
			   "had here, so it could not be compared: if the fingerprint is that of a "
			   "CA above (%s), get its certificate as a file and use catrust add FILE",
			   show_name(X509_get_issuer_name(top), issuer));
	else
		fetch_fail(f, "no certificate of this chain has the fingerprint that "
			      "--fingerprint gave: nothing is saved. If you have it from a "
			      "source that you trust, somebody may be between you and the "
			      "server");
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
		return "the server's own, self-signed certificate, for its names alone";
	if (cert != top && f->session->options->fingerprints.count == 0)
		return "an intermediate CA that the server fails to send, below one that is "
		       "publicly trusted";
	if (cert != top)
		return "named by --fingerprint";
	if (kind == CHAIN_OWN_CA)
		return "the server's own, which is self-signed and a CA at once, for the scope "
		       "that "
		       "--scope gave";
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
	if (chain_contains(f->session->system, cert))
		return "the root of this chain, which this machine's system store has: somebody "
		       "who "
		       "may administer it trusted it before";
	return "the root of this chain, from the file that SSL_CERT_FILE names: no more proof than "
	       "you have of that file";
}

/* What both generations of Python would say with cert, and below if that is not NULL, trusted. */
static int try_out(const struct fetch *f, X509 *cert, const STACK_OF(X509) * below,
		   const struct scopes *scopes, struct verdict *ret)
{
	STACK_OF(X509) *anchors = sk_X509_new_null();
	bool ok = anchors != NULL && X509_add_cert(anchors, cert, X509_ADD_FLAG_UP_REF) == 1;

	for (int i = 0; ok && i < sk_X509_num(below); i++)
		ok = X509_add_cert(anchors, sk_X509_value(below, i), X509_ADD_FLAG_UP_REF) == 1;
	ok = ok &&
	     dryrun_verify(f->peer.certs, anchors, scopes, &f->name, DRYRUN_TO_312, &ret->older) ==
		     0 &&
	     dryrun_verify(f->peer.certs, anchors, scopes, &f->name, DRYRUN_FROM_313,
			   &ret->newer) == 0;
	ret->known = ok;
	sk_X509_pop_free(anchors, X509_free);
	return ok ? 0 : -1;
}

static bool accepts(const struct verdict *v)
{
	return v->older.error == X509_V_OK || v->newer.error == X509_V_OK;
}

/* Do the scopes that cert has make Python accept the server? Returns -1: out of memory. */
static int saved_scopes_do(const struct fetch *f, X509 *cert, const STACK_OF(X509) * below,
			   struct scopes *saved)
{
	struct verdict verdict;

	scopes_of(&f->trusted, cert, saved);
	if (saved->count == 0)
		return 0;
	if (try_out(f, cert, below, saved, &verdict) != 0)
		return -1;
	return accepts(&verdict);
}

static bool is_trusted_here(const struct fetch *f, X509 *cert)
{
	struct scopes saved;

	return trusted_file_of(&f->trusted, cert) != NULL ||
	       saved_scopes_do(f, cert, NULL, &saved) > 0;
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
			tell_unnamed(f);
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
	if (is_own(kind) && !options->pin && is_trusted_here(f, top))
		return top;
	/* For every name, whatever its fingerprint: it is a server's, and its key is on a server.
	 */
	if (kind == CHAIN_OWN_CA && !options->pin && options->scope_count == 0) {
		fetch_fail(
			f,
			"the server's own certificate is self-signed and a CA at once: for every "
			"name it is not saved, since whoever has the server's key could then "
			"vouch for all of them. --pin trusts it for this server alone");
		return NULL;
	}
	if (!is_own(kind) && top == sk_X509_value(f->chain.path, 0) &&
	    options->fingerprints.count > 0) {
		fetch_fail(f,
			   "--fingerprint names the server's own certificate, %s: trust its CA "
			   "instead",
			   X509_check_ca(top) == 1 ? "which has an issuer" : "which is no CA");
		return NULL;
	}
	if (kind == CHAIN_OWN && !options->pin) {
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

static bool accepts_more(const struct verdict *a, const struct verdict *b)
{
	return (a->older.error == X509_V_OK && b->older.error != X509_V_OK) ||
	       (a->newer.error == X509_V_OK && b->newer.error != X509_V_OK);
}

/* The scopes that it already has count as well. Returns -1 where that is too many. */
static int with_saved_scopes(const struct fetch *f, const X509 *cert, struct scopes *ret)
{
	struct scopes saved;

	*ret = f->scopes;
	if (ret->count == 0)
		return 0;
	scopes_of(&f->trusted, cert, &saved);
	for (size_t i = 0; i < saved.count; i++)
		if (scopes_add(ret, saved.item[i].name) != 0)
			return -1;
	return 0;
}

/* As the user may have written it. */
static void write_target(const struct fetch *f, char buf[TARGET_TEXT + 32])
{
	bool bare = f->session->options->starttls_given || strcmp(f->target.scheme, "https") == 0;

	snprintf(buf, TARGET_TEXT + 32, "%s%s%s", bare ? "" : f->target.scheme, bare ? "" : "://",
		 f->where);
}

/* It is not enough for the names of the server's certificate: which scopes would be? */
static void refuse_scope(struct fetch *f, const struct offer *offer, const struct scopes *scopes)
{
	struct quote command = {.len = 0};
	struct scopes all = *scopes, more = {.count = 0};
	char list[SHOW_MAX], target[TARGET_TEXT + 32];
	struct why why = {""};

	if (pin_scopes(sk_X509_value(f->peer.certs, 0), &f->name, pin_may_sign(offer->cert), &all,
		       &why) != PIN_FINE) {
		fetch_fail(f,
			   "%s. Out of its scope, Python refuses the whole certificate: nothing is "
			   "saved",
			   why.text);
		return;
	}
	for (size_t i = scopes->count; i < all.count; i++)
		more.item[more.count++] = all.item[i];
	if (more.count == 0) {
		fetch_fail(f, "a CA of the chain has a name that is out of the scope: nothing is "
			      "saved");
		return;
	}
	fetch_fail(f,
		   "the server's certificate also names %s. Out of its scope, Python refuses the "
		   "whole certificate: nothing is saved. If it is to vouch for those as well:",
		   scopes_list(&more, list, sizeof(list)));
	write_target(f, target);
	fetchcommand_write(&command, f->session->options, target, &all);
	if (!command.full)
		show_line(SHOW_PLAIN, "\n  %s\n", command.text);
}

/* Would it help at all, and would the intermediates help more? */
static bool helps(struct fetch *f, const struct offer *offer, const STACK_OF(X509) * below)
{
	struct verdict with_below, everywhere;
	struct scopes scopes;

	if (with_saved_scopes(f, offer->cert, &scopes) != 0) {
		fetch_fail(f, "it has %d scopes already, and gets no more", SCOPES_MAX);
		return false;
	}
	if (try_out(f, offer->cert, offer->below, &scopes, &f->verdict) != 0 ||
	    try_out(f, offer->cert, below, &scopes, &with_below) != 0 ||
	    try_out(f, offer->cert, offer->below, NULL, &everywhere) != 0) {
		fetch_fail(f, "out of memory");
		return false;
	}
	if (f->verdict.older.error == f->verdict.newer.error &&
	    f->verdict.older.depth == f->verdict.newer.depth) {
		show_dryrun("Python up to 3.12 as well as 3.13 and newer", &f->verdict.older);
	} else {
		show_dryrun("Python up to 3.12", &f->verdict.older);
		show_dryrun("Python 3.13 and newer", &f->verdict.newer);
	}
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
	if (accepts(&everywhere))
		refuse_scope(f, offer, &scopes);
	else
		fetch_fail(f, "trusting this certificate would not help: nothing is saved%s",
			   accepts_more(&with_below, &f->verdict)
				   ? " (--with-intermediate would help)"
				   : "");
	return false;
}

/* What a pin is for: the server that the user named, and what else its certificate names. */
static const char *scopes_for_pin(const struct fetch *f, struct scopes *ret, struct why *why)
{
	char name[SCOPEDIR_NAME];
	const char *wrong = scopedir_for_host(&f->name, name);

	if (wrong != NULL || scopes_add(ret, name) != 0)
		return wrong != NULL ? wrong : "this host can't be a scope";
	switch (pin_scopes(f->candidate, &f->name, pin_may_sign(f->candidate), ret, why)) {
	case PIN_FINE:
		return NULL;
	case PIN_TOO_MUCH:
		show_line(
			SHOW_WARNING,
			"A pin is for all names of its certificate: without them, Python refuses "
			"it. If it is to be trusted for as much, --scope says so, once for each.");
		break;
	case PIN_IMPOSSIBLE:
		break;
	}
	return why->text;
}

/* Sets the scopes that the candidate is to have. Returns 0, or -1 after saying why there are none.
 */
static int set_scopes(struct fetch *f)
{
	const struct options *options = f->session->options;
	struct why why = {""};
	struct scopes all;
	const char *wrong = options_scopes(options, &f->scopes);

	if (wrong == NULL && options->scope_count == 0 && options->pin)
		wrong = scopes_for_pin(f, &f->scopes, &why);
	if (wrong == NULL && f->scopes.count > 0) {
		if (with_saved_scopes(f, f->candidate, &all) == 0 &&
		    !scopes_cover_host(&all, &f->name))
			wrong = "--scope does not cover this server";
	}
	if (wrong == NULL)
		return 0;
	fetch_fail(f, "%s: nothing is saved", wrong);
	return -1;
}

/* Without --scope, the scopes that it is saved under already may do for this server. */
static int keep_saved_scopes(struct fetch *f, const STACK_OF(X509) * below)
{
	struct scopes saved;
	int enough = f->scopes.count > 0 ? 0 : saved_scopes_do(f, f->candidate, below, &saved);

	if (enough > 0)
		f->scopes = saved;
	/* The one of this very server first: its file is the one to show. */
	for (size_t i = 1; enough > 0 && i < saved.count; i++)
		if (scopedir_covers(saved.item[i].name, &f->name)) {
			f->scopes.item[0] = saved.item[i];
			f->scopes.item[i] = saved.item[0];
			break;
		}
	return enough < 0 ? -1 : 0;
}

static const char *source_of(const struct fetch *f, const X509 *cert)
{
	if (chain_contains(f->peer.certs, cert))
		return "sent by ";
	return chain_contains(f->fetched, cert)		  ? "named as its issuer by a CA, for "
	       : chain_contains(f->session->system, cert) ? "system store, for "
							  : "known on this machine, for ";
}

static enum status go_on(struct fetch *f, struct offer *offer, const STACK_OF(X509) * below)
{
	enum status status;

	switch (offer_examine(offer)) {
	case OFFER_TRUSTED:
		f->trusted_already = true;
		status = offer_save_below(offer);
		if (trusted_file_of(&f->trusted, f->candidate) != NULL)
			f->scopes.count = 0; /* for every name, whatever was asked for */
		return status;
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
	char source[64 + TARGET_TEXT];
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
	if (f->candidate == NULL || is_public(f) || set_scopes(f) != 0)
		return;
	below = intermediates_below(f, f->candidate);
	if (below == NULL || keep_saved_scopes(f, options->with_intermediate ? below : NULL) != 0) {
		sk_X509_pop_free(below, X509_free);
		fetch_fail(f, "out of memory");
		return;
	}
	f->because = reason_for(f, f->candidate);
	snprintf(source, sizeof(source), "%s%s", source_of(f, f->candidate), f->where);
	offer.cert = f->candidate;
	offer.because = f->because;
	offer.scopes = &f->scopes;
	offer.below = options->with_intermediate ? below : NULL;
	if (options->with_intermediate && sk_X509_num(below) == 0)
		show_line(SHOW_PLAIN, "--with-intermediate: there is no intermediate CA between "
				      "the two");
	f->status = go_on(f, &offer, below);
	sk_X509_pop_free(below, X509_free);
}
