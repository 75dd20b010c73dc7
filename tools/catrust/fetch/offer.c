/* SPDX-License-Identifier: Apache-2.0 */
#include "offer.h"

#include "certnames.h"
#include "confirm.h"
#include "interrupts.h"
#include "pin.h"
#include "save.h"
#include "show.h"

#include <openssl/pem.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

static size_t scope_count(const struct offer *offer)
{
	return offer->scopes == NULL ? 0 : offer->scopes->count;
}

/* Is the last directory of file's path that of a scope which has all of wanted? */
static bool is_in_scope_of(const char *file, const struct scope *wanted)
{
	struct scopes one = {.count = 0};
	char dir[PATH_MAX];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", file);
	slash = strrchr(dir, '/');
	if (slash == NULL)
		return false;
	*slash = '\0';
	slash = strrchr(dir, '/');
	return scopes_add(&one, slash == NULL ? dir : slash + 1) == 0 && scopes_cover(&one, wanted);
}

/* The file through which cert is trusted for wanted, or NULL. */
static const char *scoped_file(const struct offer *offer, const X509 *cert,
			       const struct scope *wanted)
{
	const struct anchors *anchors = offer->trusted->anchors;

	for (size_t i = 0; i < anchors->count; i++) {
		const struct anchor *anchor = &anchors->anchor[i];

		if (offer->trusted->cert[i] == NULL || X509_cmp(offer->trusted->cert[i], cert) != 0)
			continue;
		if (is_in_scope_of(anchor->file, wanted))
			return anchor->file;
		for (const struct anchor_copy *c = anchor->copies; c != NULL; c = c->next)
			if (is_in_scope_of(c->file, wanted))
				return c->file;
		return anchor->file;
	}
	return NULL;
}

/* Those of the scopes that cert is not trusted for yet. */
static void missing_scopes(const struct offer *offer, const X509 *cert, struct scopes *ret)
{
	struct scopes have;

	scopes_of(offer->trusted, cert, &have);
	ret->count = 0;
	for (size_t i = 0; i < scope_count(offer); i++)
		if (!scopes_cover(&have, &offer->scopes->item[i].scope))
			ret->item[ret->count++] = offer->scopes->item[i];
}

/* The file through which cert is trusted already for all that is wanted, or NULL. */
static const char *trusted_already(const struct offer *offer, const X509 *cert)
{
	const char *file = trusted_file_of(offer->trusted, cert);
	struct scopes missing;

	if (file != NULL)
		return file;
	if (scope_count(offer) == 0)
		return NULL;
	missing_scopes(offer, cert, &missing);
	return missing.count == 0 ? scoped_file(offer, cert, &offer->scopes->item[0].scope) : NULL;
}

/* Says where it is: on stdout, unless that is for JSON. */
static void tell_path(const struct offer *offer, const char *path)
{
	char shown[SHOW_MAX];

	if (!offer->options->json)
		puts(show_text(path, shown));
	/* At once: a later question may be answered with Ctrl-C. */
	fflush(stdout);
}

static void keep_path(const struct offer *offer, const char *path)
{
	if (offer->path != NULL)
		snprintf(offer->path, PATH_MAX, "%s", path);
}

static void tell_scopes(const struct offer *offer)
{
	char list[SHOW_MAX];
	struct scopes have;

	scopes_of(offer->trusted, offer->cert, &have);
	if (have.count > 0)
		show_line(SHOW_PLAIN, "so far, it may vouch for %s alone",
			  scopes_list(&have, list, sizeof(list)));
}

enum offer_verdict offer_examine(const struct offer *offer)
{
	const char *file = offer->options->to_stdout ? NULL : trusted_already(offer, offer->cert);
	char shown[SHOW_MAX];

	show_line(SHOW_STRONG, "the candidate: %s", offer->because);
	if (offer->shown)
		show_identity(stderr, offer->cert, "  ");
	else
		show_certificate(stderr, offer->cert, "  ");
	tell_scopes(offer);
	if (file != NULL) {
		show_line(SHOW_PLAIN, "trusted already: %s", show_text(file, shown));
		tell_path(offer, file);
		keep_path(offer, file);
		return OFFER_TRUSTED;
	}
	if (candidate_find_key(offer->public_cas, offer->cert) != NULL) {
		fail(offer, "this CA is publicly trusted already: it is in the list of public CAs, "
			    "so that adding it would mend nothing");
		return OFFER_REFUSED;
	}
	return check_alone(offer);
}

/* A CA has no names of servers. */
static void warn_of_server(const struct offer *offer)
{
	enum { NAMES_SHOWN = 4 };
	char names[SHOW_MAX];

	if (certnames_shown(offer->cert, NAMES_SHOWN, names, sizeof(names)) > 0)
		show_line(SHOW_WARNING,
			  "It looks like a server's own certificate (%s), and whoever has that "
			  "server's key could vouch for all of them: --scope confines it.",
			  names);
}

/* A line for each scope: none is to slip through at the end of a long one. */
static void tell_what_it_means(const struct offer *offer)
{
	bool may_sign = !offer->pin || pin_may_sign(offer->cert);
	char one[SCOPEDIR_NAME];

	if (scope_count(offer) == 0) {
		show_line(SHOW_PLAIN, "It may then vouch for every name.");
		warn_of_server(offer);
		return;
	}
	show_line(SHOW_PLAIN, "It may then vouch for these alone:");
	for (size_t i = 0; i < scope_count(offer); i++) {
		const struct scope *scope = &offer->scopes->item[i].scope;

		show_line(SHOW_PLAIN, "  %s%s", scopes_text(scope, one),
			  scope->is_address ? ""
			  : may_sign	    ? " and all names below it"
					    : " and what is below it, as far as it is named in "
					      "this certificate");
	}
	if (offer->pin && may_sign)
		show_line(SHOW_WARNING,
			  "It is a CA at once: whoever has the server's key can vouch for all of "
			  "them.");
}

static bool reads_stdin(const struct options *options)
{
	for (int i = 0; i < options->arg_count; i++)
		if (strcmp(options->args[i], "-") == 0)
			return true;
	return false;
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
		tell_what_it_means(offer);
		show_line(SHOW_PLAIN, "confirmed by --fingerprint");
		return "by its fingerprint, on the command line";
	}
	if (!confirm_possible()) {
		fail(offer,
		     "nobody confirmed the fingerprint: nothing is saved. %s, --fingerprint "
		     "sha256:HEX is needed",
		     reads_stdin(offer->options)
			     ? "Since - takes standard input, nobody can be asked there"
			     : "Without a terminal to ask on");
		return NULL;
	}
	tell_what_it_means(offer);
	show_line(SHOW_PLAIN,
		  "Compare the SHA-256 with one that you have from elsewhere:\nfrom your "
		  "administrator, or the intranet.");
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

/* A file that is written for one certificate: all of them are, or none. */
struct written {
	struct save_place place;
	char path[PATH_MAX];
	bool made;
};

/* Returns 0, or -1 and *why. */
static int write_all(const struct offer *offer, X509 *cert, const struct save_origin *origin,
		     struct written *written, size_t count, struct why *why)
{
	for (size_t i = 0; i < count; i++) {
		struct written *w = &written[i];

		if (save_certificate(&w->place, cert, origin, offer->sources, w->path, &w->made,
				     why) == 0)
			continue;
		while (i-- > 0)
			if (written[i].made)
				save_undo(&written[i].place, cert);
		return -1;
	}
	return 0;
}

/* One certificate that is confirmed, in all places that it is missing in. */
static enum status save_one(const struct offer *offer, X509 *cert, const char *dir,
			    const struct save_origin *origin)
{
	enum status status = STATUS_NO;
	struct written *written;
	struct scopes missing;
	struct why why = {""};
	sigset_t before;
	size_t count;

	if (offer->options->to_stdout)
		return print_pem(offer, cert, origin);
	missing_scopes(offer, cert, &missing);
	count = scope_count(offer) == 0 ? 1 : missing.count;
	written = calloc(count + 1, sizeof(*written));
	if (written == NULL) {
		fail(offer, "out of memory");
		return STATUS_NO;
	}
	for (size_t i = 0; i < count; i++)
		written[i].place = (struct save_place){
			dir, scope_count(offer) == 0 ? NULL : missing.item[i].name};
	interrupts_hold(&before);
	if (write_all(offer, cert, origin, written, count, &why) == 0) {
		for (size_t i = 0; i < count; i++)
			tell_path(offer, written[i].path);
		status = STATUS_DONE;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (status == STATUS_DONE && cert == offer->cert)
		keep_path(offer, written[0].path);
	if (status != STATUS_DONE)
		fail(offer, "%s", why.text);
	free(written);
	return status;
}

/* Those below need no confirmation of their own: the confirmed one's signature is on them. */
static enum status save_below(const struct offer *offer, const char *dir)
{
	struct save_origin origin = {.source = offer->source,
				     .confirmed = "by the signature of its issuer, which was"};
	enum status status = STATUS_DONE;
	char name[SHOW_MAX];

	for (int i = sk_X509_num(offer->below) - 1; i >= 0 && status == STATUS_DONE; i--) {
		X509 *cert = sk_X509_value(offer->below, i);
		const char *file = offer->options->to_stdout ? NULL : trusted_already(offer, cert);
		struct findings findings;

		show_name(X509_get_subject_name(cert), name);
		if (file != NULL) {
			show_line(SHOW_PLAIN, "trusted already: %s", name);
			tell_path(offer, file);
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

/* Returns 0 and dir, or -1 after saying why something can't be written. */
static int prepare(const struct offer *offer, char dir[PATH_MAX])
{
	struct save_place place = {dir, NULL};
	struct why why = {""};
	bool ok = save_directory(offer->sources, dir, &why) == 0 &&
		  save_check(&place, offer->cert, offer->sources, &why) == 0;

	for (size_t i = 0; ok && i < scope_count(offer); i++) {
		place.scope = offer->scopes->item[i].name;
		ok = save_check(&place, offer->cert, offer->sources, &why) == 0;
	}
	if (!ok)
		fail(offer, "%s", why.text);
	return ok ? 0 : -1;
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
