/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/list_check.h"

#include "base/show.h"
#include "certs/candidate.h"
#include "certs/certshow.h"
#include "store/problems.h"

#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY = 24 * 3600 };

struct check {
	struct json *json;
	size_t count;
};

static void fail(struct check *c, const char *file, const char *code, const char *text)
{
	char shown[SHOW_MAX];

	c->count++;
	if (c->json == NULL) {
		printf("%s%s%s\n", file == NULL ? "" : show_text(file, shown),
		       file == NULL ? "" : ": ", text);
		return;
	}
	json_open_object(c->json, NULL);
	json_string(c->json, "file", file);
	json_string(c->json, "code", code);
	json_string(c->json, "text", text);
	json_close_object(c->json);
}

static void fail_skipped(void *arg, const char *text)
{
	struct check *c = arg;
	char shown[SHOW_MAX];

	/* The text begins with the file. */
	fail(c, NULL, "skipped", c->json == NULL ? show_text(text, shown) : text);
}

/* It may be a server's own certificate, which need not be a CA. */
static bool is_pin(X509 *cert)
{
	return X509_check_ca(cert) != 1 && X509_self_signed(cert, 0) == 1;
}

static void check_one(struct check *c, X509 *cert, const char *file, time_t now, int days)
{
	time_t soon = now + (time_t)days * DAY;
	char subject[SHOW_MAX], date[SHOW_MAX], text[2 * SHOW_MAX + 300];
	struct findings findings;
	int result = is_pin(cert) ? candidate_check_pin(cert, now, &findings)
				  : candidate_check(cert, now, &findings);

	if (result != 0) {
		fail(c, file, "out-of-memory", "out of memory");
		return;
	}
	certshow_name(X509_get_subject_name(cert), subject);
	certshow_date(X509_get0_notAfter(cert), date);
	for (size_t i = 0; i < findings.count; i++) {
		if (findings.item[i].level != FINDING_REFUSE)
			continue;
		snprintf(text, sizeof(text), "%s: %s", subject, findings.item[i].text);
		fail(c, file, findings.item[i].code, text);
	}
	if (X509_cmp_time(X509_get0_notAfter(cert), &now) > 0 &&
	    X509_cmp_time(X509_get0_notAfter(cert), &soon) < 0) {
		snprintf(text, sizeof(text), "%s: it expires on %s, in less than %d days", subject,
			 date, days);
		fail(c, file, "expires-soon", text);
	}
}

size_t list_check(const struct trusted *trusted, int days, struct json *json)
{
	struct check c = {.json = json};
	time_t now = time(NULL);
	size_t certs = 0;

	if (json != NULL)
		json_open_array(json, "failures");
	for (size_t i = 0; i < trusted->anchors->count; i++) {
		if (trusted->cert[i] == NULL)
			continue;
		certs++;
		check_one(&c, trusted->cert[i], trusted->anchors->anchor[i].file, now, days);
	}
	problems_each(trusted, fail_skipped, &c);
	if (certs == 0)
		fail(&c, NULL, "nothing",
		     "there are no CAs in the trust directories: programs trust only their own");
	if (json != NULL)
		json_close_array(json);
	return c.count;
}
