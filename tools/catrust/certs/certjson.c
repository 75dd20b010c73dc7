/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/certjson.h"

#include "base/show.h"
#include "certs/certshow.h"
#include "certs/chain.h"
#include "certs/fingerprint.h"

#include <time.h>

static void json_date(struct json *j, const char *key, const ASN1_TIME *time)
{
	char text[32] = "";
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) == 1)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_string(j, key, text[0] == '\0' ? NULL : text);
}

void certjson_sha256(struct json *j, const char *key, const X509 *cert)
{
	char text[FINGERPRINT_TEXT];
	struct fingerprint f;

	if (cert == NULL || fingerprint_of(cert, &f) != 0)
		json_string(j, key, NULL);
	else
		json_string(j, key, fingerprint_text(&f, text));
}

void certjson_members(struct json *j, X509 *cert)
{
	char text[SHOW_MAX];

	json_string(j, "subject", certshow_name(X509_get_subject_name(cert), text));
	json_string(j, "issuer", certshow_name(X509_get_issuer_name(cert), text));
	json_date(j, "not_before", X509_get0_notBefore(cert));
	json_date(j, "not_after", X509_get0_notAfter(cert));
	json_string(j, "key", certshow_key(cert, text));
	certjson_sha256(j, "sha256", cert);
	json_bool(j, "self_signed", chain_is_root(cert));
}
