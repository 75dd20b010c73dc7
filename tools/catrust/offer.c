/* SPDX-License-Identifier: Apache-2.0 */
#include "offer.h"

#include "confirm.h"
#include "pin.h"
#include "save.h"
#include "show.h"

#include <openssl/pem.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The same name with another certificate: a renewed CA, or somebody who claims to be it. */
static void compare_with_saved(const struct offer *offer)
{
	const struct anchors *anchors = offer->trusted->anchors;
	char shown[SHOW_MAX];

	for (size_t i = 0; i < anchors->count; i++) {
		X509 *saved = offer->trusted->cert[i];

		if (saved == NULL || X509_cmp(saved, offer->cert) == 0 ||
		    X509_NAME_cmp(X509_get_subject_name(saved),
				  X509_get_subject_name(offer->cert)) != 0)
			continue;
		show_text(anchors->anchor[i].file, shown);
		if (candidate_same_key(saved, offer->cert))
			show_line(SHOW_PLAIN,
				  "note: a renewed copy of the certificate in %s (same key)",
				  shown);
		else
			show_line(
				SHOW_WARNING,
				"WARNING: THE CA HAS CHANGED. %s holds a CA of this very name with "
				"another key.\nEither the CA was renewed with a new key, or "
				"somebody is "
				"between you and the server. Ask its administrator.",
				shown);
	}
}

__attribute__((format(printf, 2, 3))) static void fail(const struct offer *offer,
						       const char *format, ...)
{
	struct why why;
	va_list args;

	va_start(args, format);
	vsnprintf(why.text, sizeof(why.text), format, args);
	va_end(args);
	show_error("%s", why.text);
	if (offer->error != NULL)
		*offer->error = why;
}

static enum offer_verdict check_alone(const struct offer *offer)
{
	struct findings findings;
	int error = offer->pin ? candidate_check_pin(offer->cert, time(NULL), &findings)
			       : candidate_check(offer->cert, time(NULL), &findings);

	if (error != 0) {
		fail(offer, "out of memory");
		return OFFER_REFUSED;
	}
	for (size_t i = 0; i < findings.count; i++)
		show_line(SHOW_WARNING, "%s: %s",
			  findings.item[i].level == FINDING_REFUSE ? "refused" : "warning",
			  findings.item[i].text);
	if (offer->findings != NULL)
		*offer->findings = findings;
	if (!findings_refuse(&findings))
		return OFFER_GO_ON;
	fail(offer, "this certificate can't be trusted%s: nothing is saved",
	     offer->pin ? "" : " as a CA");
	return OFFER_REFUSED;
}

/* The directory for offer. Returns 0, or -1 and *why. */
static int directory_for(const struct offer *offer, char dir[PATH_MAX], struct why *why)
{
	size_t len;

	if (save_directory(offer->sources, dir, why) != 0)
		return -1;
	len = strlen(dir);
	if (offer->scope != NULL &&
	    snprintf(dir + len, PATH_MAX - len, "/%s", offer->scope) >= (int)(PATH_MAX - len)) {
		why_set(why, "the name of the trust directory is too long");
		return -1;
	}
	return 0;
}

/* The file that holds cert in the directory of the scope, if there is one. */
static bool in_scope_already(const struct offer *offer, X509 *cert, char path[PATH_MAX])
{
	struct trustdir_sources alone = *offer->sources;
	struct trusted t = {NULL, NULL};
	char dir[PATH_MAX];
	const char *file = NULL;
	struct why ignored;

	if (offer->scope == NULL || directory_for(offer, dir, &ignored) != 0)
		return false;
	alone.dirs = dir;
	alone.pem = NULL;
	if (trusted_read(&alone, &t) != 0)
		return false;
	file = trusted_file_of(&t, cert);
	if (file != NULL)
		snprintf(path, PATH_MAX, "%s", file);
	trusted_clear(&t);
	return file != NULL;
}

static bool is_trusted_already(const struct offer *offer, X509 *cert, char path[PATH_MAX])
{
	const char *file = trusted_file_of(offer->trusted, cert);

	if (file == NULL)
		return in_scope_already(offer, cert, path);
	snprintf(path, PATH_MAX, "%s", file);
	return true;
}

/* Says where it is: on stdout, unless that is for JSON. */
static void tell_path(const struct offer *offer, X509 *cert, const char *path)
{
	char shown[SHOW_MAX];

	if (!offer->options->json)
		puts(show_text(path, shown));
	/* At once: a later question may be answered with Ctrl-C. */
	fflush(stdout);
	if (offer->path != NULL && cert == offer->cert)
		snprintf(offer->path, PATH_MAX, "%s", path);
}

enum offer_verdict offer_examine(const struct offer *offer)
{
	char path[PATH_MAX], shown[SHOW_MAX];

	show_line(SHOW_STRONG, "the candidate: %s", offer->because);
	if (offer->shown)
		show_identity(stderr, offer->cert, "  ");
	else
		show_certificate(stderr, offer->cert, "  ");
	if (!offer->options->to_stdout && is_trusted_already(offer, offer->cert, path)) {
		show_line(SHOW_PLAIN, "trusted already: %s", show_text(path, shown));
		tell_path(offer, offer->cert, path);
		return OFFER_TRUSTED;
	}
	if (candidate_find_key(offer->public_cas, offer->cert) != NULL) {
		fail(offer, "this CA is publicly trusted already: it is in the list of public CAs, "
			    "so that adding it would mend nothing");
		return OFFER_REFUSED;
	}
	return check_alone(offer);
}

static void tell_what_it_means(const struct offer *offer)
{
	char what[SHOW_MAX] = "every name";

	if (offer->scope != NULL)
		snprintf(what, sizeof(what), "%s%s alone", offer->scope,
			 offer->pin ? "" : " and what is below it,");
	show_line(SHOW_PLAIN,
		  "It may then vouch for %s. Compare the SHA-256 with one that you have from "
		  "elsewhere:\nfrom your administrator, or the intranet.",
		  what);
}

/* How the user confirmed it, for the comment in the file; NULL where he did not. */
static const char *get_confirmed(const struct offer *offer, char buf[SHOW_MAX])
{
	const struct fingerprints *given = &offer->options->fingerprints;
	const struct passwd *user;
	char name[SHOW_MAX];

	if (given->count > 0) {
		if (!fingerprints_have(given, offer->cert)) {
			fail(offer, "its fingerprint is none that --fingerprint gave: nothing is "
				    "saved");
			return NULL;
		}
		show_line(SHOW_PLAIN, "confirmed by --fingerprint");
		return "by its fingerprint, on the command line";
	}
	if (!confirm_possible()) {
		fail(offer,
		     "nobody confirmed the fingerprint: nothing is saved. Without a terminal "
		     "to ask on, --fingerprint sha256:HEX is needed");
		return NULL;
	}
	tell_what_it_means(offer);
	if (!confirm("Trust this certificate?")) {
		fail(offer, "not confirmed: nothing is saved");
		return NULL;
	}
	/* cppcheck-suppress getpwuidCalled; the other threads are over */
	user = getpwuid(getuid());
	snprintf(buf, SHOW_MAX, "at the terminal, by %s",
		 user == NULL ? "an unknown user" : show_text(user->pw_name, name));
	return buf;
}

static enum status print_pem(const struct offer *offer, X509 *cert,
			     const struct save_origin *origin)
{
	BIO *pem = BIO_new(BIO_s_mem());
	enum status status = STATUS_NO;
	char *data = NULL;
	long len;

	if (pem == NULL || save_render(cert, origin, pem) != 0) {
		fail(offer, "out of memory");
	} else {
		len = BIO_get_mem_data(pem, &data);
		fwrite(data, 1, (size_t)len, stdout);
		status = STATUS_DONE;
	}
	BIO_free(pem);
	return status;
}

/* One certificate that is confirmed. dir is not needed for --stdout. */
static enum status save_one(const struct offer *offer, X509 *cert, const char *dir,
			    const struct save_origin *origin)
{
	char path[PATH_MAX];
	struct why why = {""};

	if (offer->options->to_stdout)
		return print_pem(offer, cert, origin);
	if (save_certificate(dir, cert, origin, offer->sources, path, &why) != 0) {
		fail(offer, "%s", why.text);
		return STATUS_NO;
	}
	tell_path(offer, cert, path);
	return STATUS_DONE;
}

/* Those below need no confirmation of their own: the confirmed one's signature is on them. */
static enum status save_below(const struct offer *offer, const char *dir)
{
	struct save_origin origin = {.source = offer->source,
				     .confirmed = "by the signature of its issuer, which was"};
	char path[PATH_MAX], name[SHOW_MAX];
	enum status status = STATUS_DONE;

	for (int i = sk_X509_num(offer->below) - 1; i >= 0 && status == STATUS_DONE; i--) {
		X509 *cert = sk_X509_value(offer->below, i);
		struct findings findings;

		show_name(X509_get_subject_name(cert), name);
		if (!offer->options->to_stdout && is_trusted_already(offer, cert, path)) {
			show_line(SHOW_PLAIN, "trusted already: %s", name);
			tell_path(offer, cert, path);
		} else if (candidate_check(cert, time(NULL), &findings) != 0) {
			fail(offer, "out of memory");
			status = STATUS_NO;
		} else if (findings_refuse(&findings)) {
			fail(offer, "%s can't be trusted as a CA: %s", name, findings.item[0].text);
			status = STATUS_NO;
		} else {
			show_line(SHOW_PLAIN, "with the intermediate CA %s", name);
			status = save_one(offer, cert, dir, &origin);
		}
	}
	return status;
}

/* A pin is for all of its names, or libcatrust.so would refuse it for those out of its scope. */
static enum status save_pin_names(const struct offer *offer, const struct save_origin *origin)
{
	char scopes[PIN_SCOPES_MAX][SCOPEDIR_NAME], dir[PATH_MAX];
	size_t count = offer->options->scope == NULL ? pin_scopes(offer->cert, scopes) : 0;
	enum status status = STATUS_DONE;

	for (size_t i = 0; i < count && status == STATUS_DONE; i++) {
		struct offer other = *offer;
		struct why why = {""};

		other.scope = scopes[i];
		other.path = NULL;
		if (strcmp(scopes[i], offer->scope) == 0 ||
		    in_scope_already(&other, offer->cert, dir))
			continue;
		if (directory_for(&other, dir, &why) == 0 &&
		    save_check(dir, offer->cert, offer->sources, &why) == 0) {
			status = save_one(&other, offer->cert, dir, origin);
		} else {
			fail(offer, "%s", why.text);
			status = STATUS_NO;
		}
	}
	return status;
}

/* Returns 0 and dir, or -1 after saying why it can't be written to. */
static int prepare(const struct offer *offer, char dir[PATH_MAX])
{
	char top[PATH_MAX];
	struct why why = {""};

	if (save_directory(offer->sources, top, &why) == 0 &&
	    save_check(top, offer->cert, offer->sources, &why) == 0 &&
	    directory_for(offer, dir, &why) == 0 &&
	    save_check(dir, offer->cert, offer->sources, &why) == 0)
		return 0;
	fail(offer, "%s", why.text);
	return -1;
}

enum status offer_save(const struct offer *offer)
{
	struct save_origin origin = {.source = offer->source};
	bool to_stdout = offer->options->to_stdout;
	char dir[PATH_MAX] = "", buf[SHOW_MAX];
	enum status status;

	compare_with_saved(offer);
	/* Before the question, so that the answer is not in vain. */
	if (!to_stdout && prepare(offer, dir) != 0)
		return STATUS_NO;
	if (!to_stdout)
		show_line(SHOW_PLAIN, "to be saved in %s", show_text(dir, buf));
	origin.confirmed = get_confirmed(offer, buf);
	if (origin.confirmed == NULL)
		return STATUS_NO;
	status = save_one(offer, offer->cert, dir, &origin);
	if (status == STATUS_DONE && offer->pin && offer->scope != NULL && !to_stdout)
		status = save_pin_names(offer, &origin);
	if (status == STATUS_DONE && !to_stdout)
		show_line(SHOW_PLAIN,
			  "saved; programs started with catrust-run trust it from now on");
	return status == STATUS_DONE ? save_below(offer, dir) : status;
}

enum status offer_save_below(const struct offer *offer)
{
	char dir[PATH_MAX];

	if (sk_X509_num(offer->below) <= 0)
		return STATUS_DONE;
	return prepare(offer, dir) == 0 ? save_below(offer, dir) : STATUS_NO;
}
