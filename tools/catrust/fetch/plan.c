/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/plan.h"

#include "base/show.h"
#include "certs/certshow.h"
#include "fetch/fetch.h"
#include "fetch/import.h"
#include "verify/leaf_names.h"

#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

__attribute__((format(printf, 2, 3))) static void refuse(struct plan *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(p->why.text, sizeof(p->why.text), format, args);
	va_end(args);
	p->result = PLAN_REFUSED;
}

/* The certificate that --fingerprint names. The chain's top comes before all others. */
static X509 *named_by_user(const struct fetch *f, const struct plan_wish *wish)
{
	for (int i = sk_X509_num(f->chain.path) - 1; i >= 0; i--) {
		X509 *cert = sk_X509_value(f->chain.path, i);

		if (fingerprints_have(wish->fingerprints, cert))
			return cert;
	}
	return NULL;
}

static bool names_any(const struct plan_wish *wish, const STACK_OF(X509) * certs)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (fingerprints_have(wish->fingerprints, sk_X509_value(certs, i)))
			return true;
	return false;
}

/* --fingerprint names nothing in the chain; it may name a certificate that was not seen. */
static void refuse_unnamed(const struct fetch *f, const struct plan_wish *wish, struct plan *p)
{
	char issuer[SHOW_MAX];
	X509 *top;

	chain_top(&f->chain, &top);
	if (names_any(wish, f->chain.extra))
		refuse(p, "--fingerprint names a certificate that the server sent, but that is not "
			  "part of its chain: nothing is saved");
	else if (!chain_is_root(top))
		refuse(p,
		       "no certificate that was found has the fingerprint that --fingerprint "
		       "gave: nothing is saved. The chain's root was not sent and was not found "
		       "here, so it could not be compared: if the fingerprint is that of a CA "
		       "above (%s), get its certificate as a file and use catrust add FILE",
		       certshow_name(X509_get_issuer_name(top), issuer));
	else
		refuse(p, "no certificate of this chain has the fingerprint that "
			  "--fingerprint gave: nothing is saved. If you have it from a "
			  "source that you trust, somebody may be between you and the "
			  "server");
}

static bool is_own(enum chain_top kind)
{
	return kind == CHAIN_OWN || kind == CHAIN_OWN_CA;
}

/* Why this certificate is chosen, for the user. */
static const char *reason_for(const struct fetch *f, const struct plan_wish *wish, X509 *cert)
{
	X509 *top;
	enum chain_top kind = chain_top(&f->chain, &top);
	struct scopes saved;

	if (wish->pin)
		return "the server's own, self-signed certificate, for its own names only";
	if (cert != top && wish->fingerprints->count == 0)
		return "an intermediate CA that the server fails to send, below one that is "
		       "publicly trusted";
	if (cert != top)
		return "named by --fingerprint";
	if (kind == CHAIN_OWN_CA)
		return "the server's own certificate, which is self-signed and also a CA, for the "
		       "scope of --scope";
	if (kind == CHAIN_INTERMEDIATE)
		return "an intermediate CA, the topmost that is known: the root above it was not "
		       "sent and is not known here. Certificates from the root's other CAs stay "
		       "untrusted, and when this CA is renewed, it must be fetched again";
	if (chain_contains(f->peer.certs, cert))
		return "the root of this chain, as the server sent it";
	if (trusted_file_of(&f->trusted, cert) != NULL)
		return "the root of this chain, which is saved here already";
	scopes_of(&f->trusted, cert, &saved);
	if (saved.count > 0)
		return scopes_cover_host(&saved, &f->name)
			       ? "the root of this chain, which is saved here already"
			       : "the root of this chain, which is saved here already, for other "
				 "names";
	if (chain_contains(f->fetched, cert))
		return "the root of this chain, downloaded from the address that the CA below it "
		       "gives: this proves no more than if the server had sent it";
	if (chain_contains(f->session->system, cert))
		return "the root of this chain, which is in this machine's system store: an "
		       "administrator trusted it before";
	return "the root of this chain, from the file that SSL_CERT_FILE names: it is as "
	       "trustworthy as that file";
}

/* How old and new Python would judge the server with trust in cert, and in below if not NULL. */
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

/* Does Python accept the server with the scopes that cert has? Returns -1: out of memory. */
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

/* The certificate to save, or NULL and the reason. */
static X509 *choose(const struct fetch *f, const struct plan_wish *wish, struct plan *p)
{
	X509 *top, *named;
	enum chain_top kind = chain_top(&f->chain, &top);
	char issuer[SHOW_MAX];

	if (wish->fingerprints->count > 0) {
		named = named_by_user(f, wish);
		if (named == NULL) {
			refuse_unnamed(f, wish, p);
			return NULL;
		}
		top = named;
		kind = named == sk_X509_value(f->chain.path, 0) ? kind : CHAIN_INTERMEDIATE;
	}
	if (wish->pin && (!is_own(kind) || !chain_is_root(top))) {
		refuse(p, "--pin is for a server's own, self-signed certificate, and this one "
			  "has an issuer: trust its CA instead, without --pin");
		return NULL;
	}
	if (is_own(kind) && !wish->pin && is_trusted_here(f, top))
		return top;
	/* Never for every name, not even with its fingerprint: its key is on a server. */
	if (kind == CHAIN_OWN_CA && !wish->pin && wish->scopes.count == 0) {
		refuse(p, "the server's own certificate is self-signed and also a CA. It is not "
			  "saved for every name, since anyone with the server's key could then "
			  "impersonate every server. --pin trusts it for this server only");
		return NULL;
	}
	if (!is_own(kind) && top == sk_X509_value(f->chain.path, 0) &&
	    wish->fingerprints->count > 0) {
		refuse(p,
		       "--fingerprint names the server's own certificate, %s: trust its CA "
		       "instead",
		       X509_check_ca(top) == 1 ? "which has an issuer" : "which is not a CA");
		return NULL;
	}
	if (kind == CHAIN_OWN && !wish->pin) {
		refuse(p, "the server's certificate is self-signed and is not a CA: there is no CA "
			  "to trust. The server should get a certificate from a CA; until then, "
			  "--pin trusts this one for this server only");
		return NULL;
	}
	if (kind == CHAIN_NONE && wish->fingerprints->count == 0) {
		refuse(p,
		       "the server sent no CA, and the issuer of its certificate is not "
		       "known here: %s. Get the CA's certificate from its administrator and "
		       "use catrust add",
		       certshow_name(X509_get_issuer_name(top), issuer));
		return NULL;
	}
	return top;
}

/* The topmost CA that the server fails to send, below place top of the path; or NULL. */
static X509 *unsent_below(const struct fetch *f, int top)
{
	for (int i = top - 1; i > 0; i--)
		if (!chain_contains(f->peer.certs, sk_X509_value(f->chain.path, i)))
			return sk_X509_value(f->chain.path, i);
	return NULL;
}

/* If a public CA is above the server, trust is not missing. But an intermediate CA may be: with
 * --with-intermediate, it becomes the candidate in place of the public CA. */
static bool is_public(const struct fetch *f, const struct plan_wish *wish, struct plan *p)
{
	char name[SHOW_MAX];

	for (int i = 1; i < sk_X509_num(f->chain.path); i++) {
		X509 *cert = sk_X509_value(f->chain.path, i), *unsent = unsent_below(f, i);

		if (trusted_file_of(&f->trusted, cert) != NULL)
			return false;
		if (candidate_find_key(f->session->public_cas, cert) == NULL)
			continue;
		if (wish->with_intermediate && unsent != NULL) {
			p->candidate = unsent;
			return false;
		}
		refuse(p,
		       "its CA is publicly trusted already: %s. Adding it would not help: if "
		       "verification fails, there is another reason",
		       certshow_name(X509_get_subject_name(cert), name));
		return true;
	}
	return false;
}

/* The intermediate CAs that --with-intermediate saves with cert: those that the server does not
 * send, or, if it sends all, the topmost one. NULL: out of memory. */
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

/* Adds the scopes that it already has. Returns -1 if there are too many. */
static int with_saved_scopes(const struct fetch *f, const struct plan *p, struct scopes *ret)
{
	struct scopes saved;

	*ret = p->scopes;
	if (ret->count == 0)
		return 0;
	scopes_of(&f->trusted, p->candidate, &saved);
	for (size_t i = 0; i < saved.count; i++)
		if (scopes_add(ret, saved.item[i].name) != 0)
			return -1;
	return 0;
}

/* Scopes for a pin: the server that the user named, and the other names of its certificate. */
static const char *scopes_for_pin(const struct fetch *f, struct plan *p, struct reason *why)
{
	char name[SCOPEDIR_NAME];
	const char *wrong = scopedir_for_host(&f->name, name);

	if (wrong != NULL || scopes_add(&p->scopes, name) != 0)
		return wrong != NULL ? wrong : "this host can't be a scope";
	switch (leaf_scopes(p->candidate, &f->name, leaf_may_sign(p->candidate), &p->scopes, why)) {
	case LEAF_SCOPES_OK:
		p->pin_names = *why;
		return NULL;
	case LEAF_SCOPES_TOO_WIDE:
		p->pin_too_wide = true;
		break;
	case LEAF_SCOPES_IMPOSSIBLE:
		break;
	}
	return why->text;
}

/* Sets the candidate's scopes, or refuses with the reason. */
static void set_scopes(const struct fetch *f, const struct plan_wish *wish, struct plan *p)
{
	struct reason why = {""};
	const char *wrong = NULL;
	struct scopes all;

	p->scopes = wish->scopes;
	if (wish->scopes.count == 0 && wish->pin)
		wrong = scopes_for_pin(f, p, &why);
	if (wrong == NULL && p->scopes.count > 0 && with_saved_scopes(f, p, &all) == 0 &&
	    !scopes_cover_host(&all, &f->name))
		wrong = "--scope does not cover this server";
	if (wrong == NULL)
		return;
	reason_set(&p->no_scope, "%s", wrong);
	refuse(p, "%s: nothing is saved", wrong);
}

/* Without --scope, the scopes under which it is already saved may be enough for this server. */
static int keep_saved_scopes(const struct fetch *f, const STACK_OF(X509) * below, struct plan *p)
{
	struct scopes saved;
	int enough = p->scopes.count > 0 ? 0 : saved_scopes_do(f, p->candidate, below, &saved);

	if (enough > 0)
		p->scopes = saved;
	/* Puts this server's own scope first, because its file is the one to show. */
	for (size_t i = 1; enough > 0 && i < saved.count; i++)
		if (scopedir_covers(saved.item[i].name, &f->name)) {
			p->scopes.item[0] = saved.item[i];
			p->scopes.item[i] = saved.item[0];
			break;
		}
	return enough < 0 ? -1 : 0;
}

/* The certificates saved with the candidate must be fit, too, unless they are trusted. */
static int check_below(const struct fetch *f, const STACK_OF(X509) * below, struct plan *p)
{
	char name[SHOW_MAX];

	for (int i = 0; i < sk_X509_num(below) && p->result != PLAN_REFUSED; i++) {
		X509 *cert = sk_X509_value(below, i);
		struct findings findings;

		if (trusted_file_of(&f->trusted, cert) != NULL)
			continue;
		if (candidate_check(cert, time(NULL), &findings) != 0)
			return -1;
		if (findings_refuse(&findings))
			refuse(p, "%s can't be trusted as a CA: %s",
			       certshow_name(X509_get_subject_name(cert), name),
			       findings.item[0].text);
	}
	return 0;
}

/* The scopes do not cover all names of the server's certificate: says which would. */
static void refuse_scope(const struct fetch *f, const struct scopes *scopes, struct plan *p)
{
	struct scopes all = *scopes;
	struct reason why = {""};
	enum leaf_scopes_result result = leaf_scopes(sk_X509_value(f->peer.certs, 0), &f->name,
						     leaf_may_sign(p->candidate), &all, &why);

	if (result != LEAF_SCOPES_OK) {
		refuse(p,
		       "%s. Python refuses a certificate that has a name outside the scope: "
		       "nothing is "
		       "saved%s",
		       why.text,
		       result == LEAF_SCOPES_TOO_WIDE
			       ? ". To trust it for all of them, give each name with --scope"
			       : "");
		return;
	}
	if (all.count == scopes->count) {
		refuse(p, "a CA of the chain has a name outside the scope: nothing is "
			  "saved");
		return;
	}
	refuse(p,
	       "the server's certificate also names %s. Python refuses a certificate that has a "
	       "name outside the scope: nothing is saved. To trust it for those names as well:",
	       why.text);
	p->wider = all;
}

/* Does saving help at all, and do the intermediates help more? */
static int check_help(const struct fetch *f, const STACK_OF(X509) * with, struct plan *p)
{
	struct verdict everywhere;
	struct scopes scopes;

	if (with_saved_scopes(f, p, &scopes) != 0) {
		refuse(p, "it already has %d scopes, the maximum", SCOPES_MAX);
		return 0;
	}
	if (try_out(f, p->candidate, with, &scopes, &p->verdict) != 0 ||
	    try_out(f, p->candidate, p->below, &scopes, &p->with_below) != 0 ||
	    try_out(f, p->candidate, with, NULL, &everywhere) != 0)
		return -1;
	if (accepts(&p->verdict))
		return 0;
	if (accepts(&everywhere))
		refuse_scope(f, &scopes, p);
	else
		refuse(p, "trusting this certificate would not help: nothing is saved%s",
		       plan_below_helps(p) ? " (--with-intermediate would help)" : "");
	return 0;
}

static bool accepts_more(const struct verdict *a, const struct verdict *b)
{
	return (a->older.error == X509_V_OK && b->older.error != X509_V_OK) ||
	       (a->newer.error == X509_V_OK && b->newer.error != X509_V_OK);
}

bool plan_below_helps(const struct plan *p)
{
	return accepts_more(&p->with_below, &p->verdict);
}

static int check_candidate(const struct fetch *f, const struct plan_wish *wish, struct plan *p)
{
	const STACK_OF(X509) *with = wish->with_intermediate ? p->below : NULL;
	const struct import import = plan_import(f, wish->pin, p);
	struct import_facts facts;

	if (import_check(&import, &facts) != 0)
		return -1;
	switch (facts.check) {
	case IMPORT_TRUSTED:
		p->result = PLAN_TRUSTED;
		return check_below(f, with, p);
	case IMPORT_PUBLIC:
	case IMPORT_REFUSED:
		refuse(p, "%s", facts.why);
		return 0;
	case IMPORT_GO_ON:
		break;
	}
	if (check_help(f, with, p) != 0)
		return -1;
	return p->result == PLAN_REFUSED ? 0 : check_below(f, with, p);
}

static int make(const struct fetch *f, const struct plan_wish *wish, struct plan *p)
{
	p->candidate = choose(f, wish, p);
	if (p->candidate == NULL || is_public(f, wish, p))
		return 0;
	set_scopes(f, wish, p);
	if (p->result == PLAN_REFUSED)
		return 0;
	p->below = intermediates_below(f, p->candidate);
	if (p->below == NULL ||
	    keep_saved_scopes(f, wish->with_intermediate ? p->below : NULL, p) != 0)
		return -1;
	p->because = reason_for(f, wish, p->candidate);
	return check_candidate(f, wish, p);
}

int plan_make(const struct fetch *f, const struct plan_wish *wish, struct plan *ret)
{
	*ret = (struct plan){.result = PLAN_SAVES};
	if (make(f, wish, ret) == 0)
		return 0;
	plan_clear(ret);
	refuse(ret, "out of memory");
	return -1;
}

void plan_clear(struct plan *p)
{
	sk_X509_pop_free(p->below, X509_free);
	*p = (struct plan){.result = PLAN_REFUSED};
}

struct import plan_import(const struct fetch *f, bool pin, const struct plan *p)
{
	return (struct import){
		.cert = p->candidate,
		.shown = true,
		.pin = pin,
		.because = p->because,
		.scopes = &p->scopes,
		.options = f->session->options,
		.sources = &f->session->sources,
		.trusted = &f->trusted,
		.public_cas = f->session->public_cas,
	};
}
