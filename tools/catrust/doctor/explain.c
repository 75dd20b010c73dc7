/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include "base/show.h"
#include "certs/candidate.h"
#include "certs/certnames.h"
#include "certs/certshow.h"
#include "verify/leaf_names.h"
#include "verify/lent.h"

#include <openssl/x509v3.h>
#include <string.h>

static X509 *path_cert(const struct doctor *d, int i)
{
	return sk_X509_value(d->fetch.chain.path, i);
}

/*
 * The file of a trust directory that has the certificate, for whatever names, or another one of the
 * same CA and key, if that is the one that counts; or NULL.
 */
static const char *file_of(const struct doctor *d, const X509 *cert)
{
	const struct trusted *t = &d->fetch.trusted;
	const char *file = NULL;

	for (size_t i = 0; i < t->anchors->count; i++) {
		X509 *anchor = t->cert[i];

		if (anchor == NULL || !candidate_same_key(anchor, cert) ||
		    X509_NAME_cmp(X509_get_subject_name(anchor), X509_get_subject_name(cert)) != 0)
			continue;
		if (lent_is_valid_now(anchor))
			return t->anchors->anchor[i].file;
		if (X509_cmp(anchor, cert) == 0)
			file = t->anchors->anchor[i].file;
	}
	return file;
}

/* The anchor above the server's chain that has expired, or is not valid yet. Returns false: none.
 */
static bool explain_invalid(struct doctor *d, struct doctor_cause *cause)
{
	const struct trusted *t = &d->fetch.trusted;
	char shown[SHOW_MAX], from[SHOW_MAX], until[SHOW_MAX];

	for (size_t i = 0; i < t->anchors->count; i++) {
		X509 *anchor = t->cert[i];

		if (anchor == NULL || lent_is_valid_now(anchor) ||
		    !lent_signed(anchor, d->fetch.chain.path))
			continue;
		reason_set(&d->in_directory,
			   "the CA is in %s, but does not count: it is valid from %s to %s",
			   show_text(t->anchors->anchor[i].file, shown),
			   certshow_date(X509_get0_notBefore(anchor), from),
			   certshow_date(X509_get0_notAfter(anchor), until));
		cause->diagnosis.cause = d->in_directory.text;
		cause->diagnosis.fix = "look at the clock first (date -u); otherwise get a renewed "
				       "copy of the CA from its administrator, then catrust add "
				       "FILE";
		return true;
	}
	return false;
}

static const char *store_of(const struct doctor *d)
{
	if (d->options->ca_bundle != NULL)
		return "that bundle";
	return d->options->python != NULL ? "that Python's store" : "the system's store";
}

static void explain_gap(struct doctor *d, struct doctor_cause *cause)
{
	const char *file = NULL;
	char shown[SHOW_MAX];
	int i = sk_X509_num(d->fetch.chain.path);

	while (file == NULL && i > 0)
		file = file_of(d, path_cert(d, --i));
	cause->diagnosis.fix = "start the program with catrust-run";
	if (file == NULL)
		return;
	reason_set(
		&d->in_directory,
		"%s is not in %s, but in %s: it is trusted by what is started with catrust-run%s",
		i == 0				 ? "the server's own certificate"
		: chain_is_root(path_cert(d, i)) ? "the root CA of the server's chain"
						 : "a CA of the server's chain",
		store_of(d), show_text(file, shown),
		d->remedy.kind == REMEDY_CONTEXTS
			? ", unless CATRUST_CONTEXTS=public is set, because there are no public CAs"
			: "");
	cause->diagnosis.cause = d->in_directory.text;
}

/*
 * Without us, a CA with the same name and another key in the program's own bundle is found first.
 */
static void explain_old(struct doctor *d, struct doctor_cause *cause)
{
	const char *file = "the bundle";
	char shown[SHOW_MAX];

	for (size_t i = 0; i < d->clients; i++)
		if ((cause->clients & 1U << i) != 0 && d->client[i].file[0] != '\0')
			file = d->client[i].file;
	reason_set(
		&d->in_directory,
		"an old certificate of the CA, of the same name with another key, is in the way: "
		"it is in %s. Programs that are started with catrust-run take the new one from "
		"the trust directory",
		show_text(file, shown));
	cause->diagnosis.cause = d->in_directory.text;
	cause->diagnosis.fix =
		"start the program with catrust-run, or remove the old certificate from that file";
}

/* Names in the server's certificate that are outside the scopes of the anchor above it. */
static bool explain_scope(struct doctor *d, struct doctor_cause *cause)
{
	struct scopes have = {.count = 0}, all, more = {.count = 0};
	char folders[SHOW_MAX], scope[SHOW_MAX];
	struct reason why = {""};

	for (int i = sk_X509_num(d->fetch.chain.path) - 1; i >= 0 && have.count == 0; i--)
		scopes_of(&d->fetch.trusted, path_cert(d, i), &have);
	if (have.count == 0)
		return false;
	all = have;
	scopes_list(&have, scope, sizeof(scope));
	cause->diagnosis.fix = "get a certificate for names in the scope only";
	if (leaf_scopes(path_cert(d, 0), &d->fetch.name, false, &all, &why) != LEAF_SCOPES_OK) {
		reason_set(&d->out_of_scope, "%.500s; the scope of the CA is %.300s", why.text,
			   scope);
		return true;
	}
	for (size_t i = have.count; i < all.count; i++)
		more.item[more.count++] = all.item[i];
	if (more.count == 0)
		return false;
	reason_set(&d->out_of_scope,
		   "the server's certificate %snames %.400s, which %s not in the scope of the CA "
		   "(%.300s): Python refuses the whole certificate for that",
		   scopes_cover_host(&have, &d->fetch.name) ? "also " : "", why.text,
		   more.count == 1 ? "is" : "are", scope);
	reason_set(
		&d->wider_scope,
		"put the CA in the %s %s of the trust directory as well (see catrust list), or get "
		"a certificate for names in the scope only",
		more.count == 1 ? "subdirectory" : "subdirectories",
		scopes_folders(&more, folders, sizeof(folders)));
	cause->diagnosis.fix = d->wider_scope.text;
	return true;
}

/* The same certificate with this name as its only one. NULL: out of memory. */
static X509 *with_one_name(const X509 *cert, GENERAL_NAME *name)
{
	X509 *one = X509_dup(cert);
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	int at = one == NULL ? -1 : X509_get_ext_by_NID(one, NID_subject_alt_name, -1);
	bool ok = at >= 0 && names != NULL && sk_GENERAL_NAME_push(names, name) > 0;

	if (ok)
		X509_EXTENSION_free(X509_delete_ext(one, at));
	ok = ok && X509_add1_ext_i2d(one, NID_subject_alt_name, names, 0, 0) == 1;
	sk_GENERAL_NAME_free(names);
	if (!ok) {
		X509_free(one);
		return NULL;
	}
	/* Has the names read. */
	X509_check_purpose(one, -1, 0);
	return one;
}

static bool is_allowed(const X509 *cert, GENERAL_NAME *name, NAME_CONSTRAINTS *constraints)
{
	X509 *one = with_one_name(cert, name);
	bool ok = one == NULL || NAME_CONSTRAINTS_check(one, constraints) == X509_V_OK;

	X509_free(one);
	return ok;
}

static void print_name(GENERAL_NAME *name, char buf[SHOW_MAX])
{
	enum { MOST = 200 };
	BIO *to = BIO_new(BIO_s_mem());
	char text[MOST + 1] = "";

	if (to != NULL && GENERAL_NAME_print(to, name) == 1)
		BIO_read(to, text, MOST);
	BIO_free(to);
	show_text(text, buf);
}

/* The first name of the server's certificate that issuer's constraints do not allow; or NULL. */
static GENERAL_NAME *find_offender(const X509 *cert, const GENERAL_NAMES *names, const X509 *issuer)
{
	NAME_CONSTRAINTS *constraints = X509_get_ext_d2i(issuer, NID_name_constraints, NULL, NULL);
	GENERAL_NAME *found = NULL;

	for (int i = 0; constraints != NULL && found == NULL && i < sk_GENERAL_NAME_num(names); i++)
		if (!is_allowed(cert, sk_GENERAL_NAME_value(names, i), constraints))
			found = sk_GENERAL_NAME_value(names, i);
	NAME_CONSTRAINTS_free(constraints);
	return found;
}

static void explain_constraints(struct doctor *d, struct doctor_cause *cause)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(path_cert(d, 0), NID_subject_alt_name, NULL, NULL);
	char name[SHOW_MAX], issuer[SHOW_MAX];
	GENERAL_NAME *found = NULL;

	for (int i = 1; i < sk_X509_num(d->fetch.chain.path) && found == NULL; i++) {
		found = find_offender(path_cert(d, 0), names, path_cert(d, i));
		if (found == NULL)
			continue;
		print_name(found, name);
		reason_set(
			&d->out_of_scope,
			"the server's certificate names %s, which the name constraints of the CA "
			"%s %s",
			name, certshow_name(X509_get_subject_name(path_cert(d, i)), issuer),
			cause->code == X509_V_ERR_EXCLUDED_VIOLATION ? "exclude" : "do not permit");
		cause->diagnosis.cause = d->out_of_scope.text;
		cause->diagnosis.fix = "get a certificate for names that the CA may vouch for";
	}
	GENERAL_NAMES_free(names);
}

static void explain_names(struct doctor *d, struct doctor_cause *cause)
{
	if (d->out_of_scope.text[0] != '\0' || cause->depth != 0)
		return;
	if (cause->code == X509_V_ERR_PERMITTED_VIOLATION && explain_scope(d, cause))
		cause->diagnosis.cause = d->out_of_scope.text;
	else
		explain_constraints(d, cause);
}

/* Too weak a signature for the security level of Python and Debian; an anchor's own is not looked
 * at. */
static bool is_weak(X509 *cert)
{
	enum { LEAST_BITS = 112 };
	int bits = 0;

	return X509_get_signature_info(cert, NULL, NULL, &bits, NULL) == 1 && bits < LEAST_BITS;
}

/* The plan affects how its causes are explained. */
void doctor_adapt_causes(struct doctor *d)
{
	X509 *top;
	enum chain_top kind =
		d->fetch.chain.path == NULL ? CHAIN_NONE : chain_top(&d->fetch.chain, &top);
	bool instead = d->remedy.kind == REMEDY_FETCH && kind == CHAIN_INTERMEDIATE;
	bool no_pin = d->no_scope.text[0] != '\0' && (kind == CHAIN_OWN || kind == CHAIN_OWN_CA);

	if (no_pin)
		reason_set(&d->no_pin,
			   "get a certificate from a CA, or one for its own names only: %s",
			   d->no_scope.text);

	for (size_t i = 0; i < d->causes; i++) {
		struct doctor_cause *cause = &d->cause[i];

		if (cause->kind != CAUSE_VERIFICATION)
			continue;
		if (cause->code == X509_V_ERR_PERMITTED_VIOLATION ||
		    cause->code == X509_V_ERR_EXCLUDED_VIOLATION) {
			explain_names(d, cause);
		} else if ((d->remedy.kind == REMEDY_RUN || d->remedy.kind == REMEDY_RELAX) &&
			   cause->code == X509_V_ERR_CERT_SIGNATURE_FAILURE) {
			explain_old(d, cause);
		} else if (d->remedy.kind == REMEDY_RUN && diagnose_is_gap(cause->code)) {
			explain_gap(d, cause);
		} else if (d->remedy.kind == REMEDY_CONTEXTS && diagnose_is_gap(cause->code)) {
			explain_gap(d, cause);
			cause->diagnosis.ca_helps = false;
			cause->diagnosis.fix =
				"unset CATRUST_CONTEXTS, or let the program load the "
				"public CAs";
		} else if (diagnose_is_gap(cause->code) && explain_invalid(d, cause)) {
			continue;
		} else if (no_pin && diagnose_is_gap(cause->code)) {
			cause->diagnosis.ca_helps = false;
			cause->diagnosis.fix = d->no_pin.text;
		} else if (instead && diagnose_is_gap(cause->code) && is_weak(top)) {
			cause->diagnosis.fix =
				"the topmost CA that is known can be trusted "
				"instead; the root would not help, because the signature "
				"of the root on this CA is too weak: the "
				"administrator of the CA must reissue it";
		} else if (instead && diagnose_is_gap(cause->code)) {
			cause->diagnosis.fix = "the topmost CA that is known can be trusted "
					       "instead; better: get the root's certificate from "
					       "its administrator, then catrust add FILE";
		} else if (d->remedy.kind == REMEDY_WITH_INTERMEDIATE && !d->remedy.relax &&
			   cause->diagnosis.relax && cause->depth > 0) {
			cause->diagnosis.ca_helps = true;
			cause->diagnosis.fix =
				"if the intermediate CA below it is trusted as well, Python no "
				"longer checks it; better: the administrator of the CA reissues it";
		} else if ((d->remedy.kind == REMEDY_NONE || d->remedy.kind == REMEDY_BUNDLE) &&
			   !d->remedy.relax && cause->diagnosis.relax) {
			/* CATRUST_STRICT=relax would not help here, so it must not be suggested. */
			cause->diagnosis.fix = "the administrator of the CA must reissue it";
		}
	}
}
