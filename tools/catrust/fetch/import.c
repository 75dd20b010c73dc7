/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/import.h"

#include "base/confirm.h"
#include "base/interrupts.h"
#include "base/show.h"
#include "certs/certnames.h"
#include "certs/certshow.h"
#include "store/save.h"
#include "verify/leaf_names.h"

#include <openssl/pem.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Warns of a saved certificate with the same name: this is a renewed CA, or an imitation. */
static void compare_with_saved(const struct import *import)
{
	const struct anchors *anchors = import->trusted->anchors;
	char shown[SHOW_MAX];

	for (size_t i = 0; i < anchors->count; i++) {
		X509 *saved = import->trusted->cert[i];

		if (saved == NULL || X509_cmp(saved, import->cert) == 0 ||
		    X509_NAME_cmp(X509_get_subject_name(saved),
				  X509_get_subject_name(import->cert)) != 0)
			continue;
		show_text(anchors->anchor[i].file, shown);
		if (candidate_same_key(saved, import->cert))
			show_line(SHOW_PLAIN,
				  "note: a renewed copy of the certificate in %s (same key)",
				  shown);
		else
			show_line(SHOW_WARNING,
				  "WARNING: THE CA HAS CHANGED. %s holds a CA with the same name "
				  "but another key.\nEither the CA was renewed with a new key, or "
				  "somebody is "
				  "between you and the server. Ask its administrator.",
				  shown);
	}
}

__attribute__((format(printf, 2, 3))) static void fail(const struct import *import,
						       const char *format, ...)
{
	struct reason why;
	va_list args;

	va_start(args, format);
	vsnprintf(why.text, sizeof(why.text), format, args);
	va_end(args);
	show_error("%s", why.text);
	if (import->error != NULL)
		*import->error = why;
}

static size_t scope_count(const struct import *import)
{
	return import->scopes == NULL ? 0 : import->scopes->count;
}

/* Is the last directory of file's path that of a scope that covers wanted? */
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
static const char *scoped_file(const struct import *import, const X509 *cert,
			       const struct scope *wanted)
{
	const struct anchors *anchors = import->trusted->anchors;

	for (size_t i = 0; i < anchors->count; i++) {
		const struct anchor *anchor = &anchors->anchor[i];

		if (import->trusted->cert[i] == NULL ||
		    X509_cmp(import->trusted->cert[i], cert) != 0)
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

/* The wanted scopes for which cert is not trusted yet. */
static void missing_scopes(const struct import *import, const X509 *cert, struct scopes *ret)
{
	struct scopes have;

	scopes_of(import->trusted, cert, &have);
	ret->count = 0;
	for (size_t i = 0; i < scope_count(import); i++)
		if (!scopes_cover(&have, &import->scopes->item[i].scope))
			ret->item[ret->count++] = import->scopes->item[i];
}

/* The file through which cert is already trusted for everything wanted, or NULL. */
static const char *trusted_already(const struct import *import, const X509 *cert)
{
	const char *file = trusted_file_of(import->trusted, cert);
	struct scopes missing;

	if (file != NULL)
		return file;
	if (scope_count(import) == 0)
		return NULL;
	missing_scopes(import, cert, &missing);
	return missing.count == 0 ? scoped_file(import, cert, &import->scopes->item[0].scope)
				  : NULL;
}

/* Prints the path on stdout, unless stdout is for JSON. */
static void tell_path(const struct import *import, const char *path)
{
	char shown[SHOW_MAX];

	if (!import->options->json)
		puts(show_text(path, shown));
	/* At once, because the user may answer a later question with Ctrl-C. */
	fflush(stdout);
}

static void keep_path(const struct import *import, const char *path)
{
	if (import->path != NULL)
		snprintf(import->path, PATH_MAX, "%s", path);
}

static void tell_scopes(const struct import *import)
{
	char list[SHOW_MAX];
	struct scopes have;

	scopes_of(import->trusted, import->cert, &have);
	if (have.count > 0)
		show_line(SHOW_PLAIN, "so far, it is trusted only for %s",
			  scopes_list(&have, list, sizeof(list)));
}

int import_check(const struct import *import, struct import_facts *ret)
{
	*ret = (struct import_facts){.check = IMPORT_GO_ON};
	if (!import->options->to_stdout)
		ret->file = trusted_already(import, import->cert);
	if (ret->file != NULL) {
		ret->check = IMPORT_TRUSTED;
		return 0;
	}
	if (candidate_find_key(import->public_cas, import->cert) != NULL) {
		ret->check = IMPORT_PUBLIC;
		ret->why = "this CA is publicly trusted already (it is in the list of public CAs): "
			   "adding it would not help";
		return 0;
	}
	if ((import->pin ? candidate_check_pin(import->cert, time(NULL), &ret->findings)
			 : candidate_check(import->cert, time(NULL), &ret->findings)) != 0)
		return -1;
	if (findings_refuse(&ret->findings)) {
		ret->check = IMPORT_REFUSED;
		ret->why = import->pin
				   ? "this certificate can't be trusted: nothing is saved"
				   : "this certificate can't be trusted as a CA: nothing is saved";
	}
	return 0;
}

enum import_check import_examine(const struct import *import)
{
	struct import_facts facts;
	char shown[SHOW_MAX];

	show_line(SHOW_STRONG, "the candidate: %s", import->because);
	if (import->shown)
		certshow_identity(stderr, import->cert, "  ");
	else
		certshow_certificate(stderr, import->cert, "  ");
	tell_scopes(import);
	if (import_check(import, &facts) != 0) {
		fail(import, "out of memory");
		return IMPORT_REFUSED;
	}
	if (facts.check == IMPORT_TRUSTED) {
		show_line(SHOW_PLAIN, "trusted already: %s", show_text(facts.file, shown));
		tell_path(import, facts.file);
		keep_path(import, facts.file);
	}
	for (size_t i = 0; i < facts.findings.count; i++)
		show_line(SHOW_WARNING, "%s: %s",
			  facts.findings.item[i].level == FINDING_REFUSE ? "refused" : "warning",
			  facts.findings.item[i].text);
	if (import->findings != NULL)
		*import->findings = facts.findings;
	if (facts.why != NULL)
		fail(import, "%s", facts.why);
	return facts.check;
}

/* A CA has no server names. */
static void warn_of_server(const struct import *import)
{
	enum { NAMES_SHOWN = 4 };
	char names[SHOW_MAX];

	if (certnames_shown(import->cert, NAMES_SHOWN, names, sizeof(names)) > 0)
		show_line(
			SHOW_WARNING,
			"It looks like a server's own certificate (%s). Anyone with that server's "
			"key could then impersonate every server: limit it with --scope.",
			names);
}

/* One line for each scope, so that the user overlooks none at the end of a long line. */
static void tell_what_it_means(const struct import *import)
{
	bool may_sign = !import->pin || leaf_may_sign(import->cert);
	char one[SCOPEDIR_NAME];

	if (scope_count(import) == 0) {
		show_line(SHOW_PLAIN, "It will then be trusted for every name.");
		warn_of_server(import);
		return;
	}
	show_line(SHOW_PLAIN, "It will then be trusted only for:");
	for (size_t i = 0; i < scope_count(import); i++) {
		const struct scope *scope = &import->scopes->item[i].scope;

		show_line(SHOW_PLAIN, "  %s%s", scopes_text(scope, one),
			  scope->is_address ? ""
			  : may_sign	    ? " and all names below it"
				     : " and those names below it that are in this certificate");
	}
	if (import->pin && may_sign)
		show_line(
			SHOW_WARNING,
			"It is also a CA: anyone with the server's key can vouch for all of them.");
}

static bool reads_stdin(const struct options *options)
{
	for (int i = 0; i < options->arg_count; i++)
		if (strcmp(options->args[i], "-") == 0)
			return true;
	return false;
}

/* How the user confirmed it, for the comment in the file; NULL if the user did not. */
static const char *get_confirmed(const struct import *import, char buf[SHOW_MAX])
{
	const struct fingerprints *given = &import->options->fingerprints;
	const struct passwd *user;
	char name[SHOW_MAX];

	if (given->count > 0) {
		if (!fingerprints_have(given, import->cert)) {
			fail(import,
			     "--fingerprint does not name this certificate: nothing is saved");
			return NULL;
		}
		tell_what_it_means(import);
		show_line(SHOW_PLAIN, "confirmed by --fingerprint");
		return "by its fingerprint, on the command line";
	}
	if (!confirm_possible()) {
		fail(import,
		     "the fingerprint was not confirmed: nothing is saved. %s, --fingerprint "
		     "sha256:HEX is needed",
		     reads_stdin(import->options)
			     ? "Since - reads standard input, the question can't be asked there"
			     : "Without a terminal to ask on");
		return NULL;
	}
	tell_what_it_means(import);
	show_line(SHOW_PLAIN, "Compare the SHA-256 with one from a source that you trust:\nyour "
			      "administrator, or the intranet.");
	if (!confirm("Trust this certificate?")) {
		fail(import, "not confirmed: nothing is saved");
		return NULL;
	}
	/* cppcheck-suppress getpwuidCalled; the other threads have ended */
	user = getpwuid(getuid());
	snprintf(buf, SHOW_MAX, "at the terminal, by %s",
		 user == NULL ? "an unknown user" : show_text(user->pw_name, name));
	return buf;
}

static enum status print_pem(const struct import *import, X509 *cert,
			     const struct save_origin *origin)
{
	BIO *pem = BIO_new(BIO_s_mem());
	enum status status = STATUS_NO;
	char *data = NULL;
	long len;

	if (pem == NULL || save_render(cert, origin, pem) != 0) {
		fail(import, "out of memory");
	} else {
		len = BIO_get_mem_data(pem, &data);
		fwrite(data, 1, (size_t)len, stdout);
		status = STATUS_DONE;
	}
	BIO_free(pem);
	return status;
}

/* A file written for one certificate: either all of them are written, or none. */
struct written {
	struct save_place place;
	char path[PATH_MAX];
	bool made;
};

/* Returns 0, or -1 and *why. */
static int write_all(const struct import *import, X509 *cert, const struct save_origin *origin,
		     struct written *written, size_t count, struct reason *why)
{
	for (size_t i = 0; i < count; i++) {
		struct written *w = &written[i];

		if (save_certificate(&w->place, cert, origin, import->sources, w->path, &w->made,
				     why) == 0)
			continue;
		while (i-- > 0)
			if (written[i].made)
				save_undo(&written[i].place, cert);
		return -1;
	}
	return 0;
}

/* Saves one confirmed certificate wherever it is missing. */
static enum status save_one(const struct import *import, X509 *cert, const char *dir,
			    const struct save_origin *origin)
{
	enum status status = STATUS_NO;
	struct written *written;
	struct scopes missing;
	struct reason why = {""};
	sigset_t before;
	size_t count;

	if (import->options->to_stdout)
		return print_pem(import, cert, origin);
	missing_scopes(import, cert, &missing);
	count = scope_count(import) == 0 ? 1 : missing.count;
	written = calloc(count + 1, sizeof(*written));
	if (written == NULL) {
		fail(import, "out of memory");
		return STATUS_NO;
	}
	for (size_t i = 0; i < count; i++)
		written[i].place = (struct save_place){
			dir, scope_count(import) == 0 ? NULL : missing.item[i].name};
	interrupts_hold(&before);
	if (write_all(import, cert, origin, written, count, &why) == 0) {
		for (size_t i = 0; i < count; i++)
			tell_path(import, written[i].path);
		status = STATUS_DONE;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (status == STATUS_DONE && cert == import->cert)
		keep_path(import, written[0].path);
	if (status != STATUS_DONE)
		fail(import, "%s", why.text);
	free(written);
	return status;
}

/* Those below need no confirmation of their own, because the confirmed CA has signed them. */
static enum status save_below(const struct import *import, const char *dir)
{
	struct save_origin origin = {.source = import->source,
				     .confirmed = "by the signature of its issuer, which was"};
	enum status status = STATUS_DONE;
	char name[SHOW_MAX];

	for (int i = sk_X509_num(import->below) - 1; i >= 0 && status == STATUS_DONE; i--) {
		X509 *cert = sk_X509_value(import->below, i);
		const char *file =
			import->options->to_stdout ? NULL : trusted_already(import, cert);

		certshow_name(X509_get_subject_name(cert), name);
		if (file != NULL) {
			show_line(SHOW_PLAIN, "trusted already: %s", name);
			tell_path(import, file);
		} else {
			show_line(SHOW_PLAIN, "with the intermediate CA %s", name);
			status = save_one(import, cert, dir, &origin);
		}
	}
	return status;
}

/* Returns 0 and dir, or -1 after reporting why a file can't be written. */
static int prepare(const struct import *import, char dir[PATH_MAX])
{
	struct save_place place = {dir, NULL};
	struct reason why = {""};
	bool ok = save_directory(import->sources, dir, &why) == 0 &&
		  save_check(&place, import->cert, import->sources, &why) == 0;

	for (size_t i = 0; ok && i < scope_count(import); i++) {
		place.scope = import->scopes->item[i].name;
		ok = save_check(&place, import->cert, import->sources, &why) == 0;
	}
	if (!ok)
		fail(import, "%s", why.text);
	return ok ? 0 : -1;
}

enum status import_save(const struct import *import)
{
	struct save_origin origin = {.source = import->source};
	bool to_stdout = import->options->to_stdout;
	char dir[PATH_MAX] = "", buf[SHOW_MAX];
	enum status status;

	compare_with_saved(import);
	/* Before the question, so that the user does not answer for nothing. */
	if (!to_stdout && prepare(import, dir) != 0)
		return STATUS_NO;
	if (!to_stdout)
		show_line(SHOW_PLAIN, "to be saved in %s", show_text(dir, buf));
	origin.confirmed = get_confirmed(import, buf);
	if (origin.confirmed == NULL)
		return STATUS_NO;
	status = save_one(import, import->cert, dir, &origin);
	if (status == STATUS_DONE && !to_stdout)
		show_line(SHOW_PLAIN,
			  "saved; programs started with catrust-run trust it from now on");
	return status == STATUS_DONE ? save_below(import, dir) : status;
}

enum status import_save_below(const struct import *import)
{
	char dir[PATH_MAX];

	if (sk_X509_num(import->below) <= 0)
		return STATUS_DONE;
	return prepare(import, dir) == 0 ? save_below(import, dir) : STATUS_NO;
}
