/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/report.h"

#include "base/json.h"
#include "base/show.h"
#include "certs/certjson.h"
#include "certs/certshow.h"
#include "net/handshake.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Where a certificate of the path comes from. */
static const char *origin_of(const struct fetch *f, const X509 *cert)
{
	if (chain_contains(f->peer.certs, cert))
		return "sent";
	return chain_contains(f->fetched, cert) ? "aia" : "known";
}

static void show_path(const struct fetch *f)
{
	for (int i = 0; i < sk_X509_num(f->chain.path); i++) {
		X509 *cert = sk_X509_value(f->chain.path, i);
		const char *origin = origin_of(f, cert);

		if (strcmp(origin, "aia") == 0)
			show_line(SHOW_PLAIN, "  not sent, but downloaded from the address that "
					      "the certificate above gives for its issuer:");
		else if (strcmp(origin, "known") == 0)
			show_line(SHOW_PLAIN, "  not sent, but known on this machine:");
		certshow_certificate(stderr, cert, "  ");
	}
}

/* Has it the name of a certificate in the path, but another key? */
static bool is_namesake(const struct fetch *f, const X509 *cert)
{
	for (int i = 0; i < sk_X509_num(f->chain.path); i++) {
		const X509 *other = sk_X509_value(f->chain.path, i);

		if (X509_NAME_cmp(X509_get_subject_name(cert), X509_get_subject_name(other)) == 0 &&
		    !candidate_same_key(cert, other))
			return true;
	}
	return false;
}

static bool is_wanted_issuer(const struct fetch *f, const X509 *cert)
{
	X509 *top;

	chain_top(&f->chain, &top);
	return !chain_is_root(top) &&
	       X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(top)) == 0;
}

static void show_extra(const struct fetch *f)
{
	for (int i = 0; i < sk_X509_num(f->chain.extra); i++) {
		X509 *cert = sk_X509_value(f->chain.extra, i);

		show_line(SHOW_PLAIN, "  sent, but not part of the chain%s:",
			  is_namesake(f, cert) || is_wanted_issuer(f, cert)
				  ? " (right name, but another key: was the CA renewed?)"
				  : "");
		certshow_certificate(stderr, cert, "  ");
	}
}

/* Did the server send the certificates in the path's order? */
static bool is_in_order(const struct fetch *f)
{
	int last = -1;

	for (int i = 0; i < sk_X509_num(f->chain.path); i++)
		for (int j = 0; j < sk_X509_num(f->peer.certs); j++) {
			if (X509_cmp(sk_X509_value(f->chain.path, i),
				     sk_X509_value(f->peer.certs, j)) != 0)
				continue;
			if (j < last)
				return false;
			last = j;
			break;
		}
	return true;
}

void report_chain(const struct fetch *f)
{
	int sent = sk_X509_num(f->peer.certs);
	char name[SHOW_MAX];
	X509 *top;

	show_line(SHOW_STRONG, "%s sent %d certificate%s%s:", f->where, sent, sent == 1 ? "" : "s",
		  is_in_order(f) ? "" : ", not in order; put in order, they are");
	show_path(f);
	show_extra(f);
	chain_top(&f->chain, &top);
	if (!chain_is_root(top))
		show_line(SHOW_PLAIN, "  missing: its issuer, %s%s%s",
			  certshow_name(X509_get_issuer_name(top), name),
			  f->aia.text[0] == '\0' ? "" : ": ", f->aia.text);
	if (f->peer.cut)
		show_line(SHOW_WARNING,
			  "warning: the server sent more than %d certificates; the rest is ignored",
			  HANDSHAKE_MAX_CERTS);
	if (f->peer.broken_off)
		show_line(SHOW_WARNING,
			  "warning: after its certificates, the server broke off (it may want a "
			  "client certificate): %s",
			  f->why.text);
	if (f->sites > 1 && f->leads_group)
		show_line(SHOW_WARNING,
			  "note: the same CA is above %d of the domains that you named. If they "
			  "are public sites of different owners, an inspecting proxy makes up "
			  "their certificates; if they are your company's, it is the company's CA",
			  f->sites);
	fputc('\n', stderr);
}

static void json_certificate(struct json *j, const char *key, X509 *cert, const char *origin)
{
	json_open_object(j, key);
	certjson_members(j, cert);
	json_string(j, "origin", origin);
	json_close_object(j);
}

static void json_verdict(struct json *j, const char *key, const struct dryrun *result)
{
	json_string(j, key,
		    result->error == X509_V_OK ? "ok"
					       : X509_verify_cert_error_string(result->error));
}

void report_json_chain(struct json *j, const struct fetch *f)
{
	json_open_array(j, "chain");
	for (int i = 0; i < sk_X509_num(f->chain.path); i++)
		json_certificate(j, NULL, sk_X509_value(f->chain.path, i),
				 origin_of(f, sk_X509_value(f->chain.path, i)));
	json_close_array(j);
	json_open_array(j, "extra");
	for (int i = 0; i < sk_X509_num(f->chain.extra); i++)
		json_certificate(j, NULL, sk_X509_value(f->chain.extra, i), "sent");
	json_close_array(j);
}

static void json_scopes(struct json *j, const struct scopes *scopes)
{
	char text[SCOPEDIR_NAME];

	if (scopes->count == 0) {
		json_string(j, "scopes", NULL);
		return;
	}
	json_open_array(j, "scopes");
	for (size_t i = 0; i < scopes->count; i++)
		json_string(j, NULL, scopes_range(&scopes->item[i].scope, text));
	json_close_array(j);
}

static void json_candidate(struct json *j, const struct fetch *f)
{
	certjson_sha256(j, "candidate", f->plan.candidate);
	json_string(j, "because", f->plan.because);
	json_open_array(j, "findings");
	for (size_t i = 0; i < f->findings.count; i++) {
		const struct finding *finding = &f->findings.item[i];

		json_open_object(j, NULL);
		json_string(j, "level", finding->level == FINDING_REFUSE ? "refuse" : "warn");
		json_string(j, "code", finding->code);
		json_string(j, "text", finding->text);
		json_close_object(j);
	}
	json_close_array(j);
	json_scopes(j, &f->plan.scopes);
	if (f->plan.verdict.known) {
		json_open_object(j, "verification");
		json_verdict(j, "python_3_12", &f->plan.verdict.older);
		json_verdict(j, "python_3_13", &f->plan.verdict.newer);
		json_close_object(j);
	} else {
		json_string(j, "verification", NULL);
	}
}

static const char *result_of(const struct fetch *f)
{
	if (f->status == STATUS_CONNECT)
		return "unreachable";
	if (f->status != STATUS_DONE)
		return "refused";
	return f->trusted_already ? "trusted" : "saved";
}

static void json_target(struct json *j, const struct fetch *f)
{
	json_open_object(j, NULL);
	json_string(j, "target", f->where);
	json_string(j, "starttls",
		    f->target.starttls == STARTTLS_NONE ? NULL : starttls_name(f->target.starttls));
	json_string(j, "servername", f->name.host);
	json_string(j, "result", result_of(f));
	json_number(j, "status", (long)f->status);
	json_string(j, "error", f->error.text[0] == '\0' ? NULL : f->error.text);
	json_bool(j, "in_order", !f->connected || is_in_order(f));
	json_bool(j, "broken_off", f->peer.broken_off);
	report_json_chain(j, f);
	json_candidate(j, f);
	json_number(j, "domains_with_this_ca", f->sites);
	json_string(j, "file", f->path[0] == '\0' ? NULL : f->path);
	json_close_object(j);
}

void report_json(const struct fetch *fetches, size_t count, enum status status)
{
	struct json j = {.to = stdout};

	json_open_object(&j, NULL);
	json_number(&j, "version", 1);
	json_number(&j, "status", (long)status);
	json_open_array(&j, "targets");
	for (size_t i = 0; i < count; i++)
		json_target(&j, &fetches[i]);
	json_close_array(&j);
	json_close_object(&j);
}
