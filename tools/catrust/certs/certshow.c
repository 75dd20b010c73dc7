/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/certshow.h"

#include "base/show.h"
#include "certs/fingerprint.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <time.h>

/* The value of one part of a name, whatever string type it has. */
static void show_value(const ASN1_STRING *value, char *buf, size_t size)
{
	unsigned char *utf8 = NULL;
	int len = ASN1_STRING_to_UTF8(&utf8, value);

	if (len >= 0)
		show_bytes(buf, size, utf8, (size_t)len, ESCAPE_NAME);
	else
		show_bytes(buf, size, ASN1_STRING_get0_data(value),
			   (size_t)ASN1_STRING_length(value), ESCAPE_NAME);
	OPENSSL_free(utf8);
	ERR_clear_error();
}

char *certshow_name(const X509_NAME *name, char buf[SHOW_MAX])
{
	size_t at = 0;

	buf[0] = '\0';
	for (int i = X509_NAME_entry_count(name) - 1; i >= 0; i--) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
		const ASN1_OBJECT *type = X509_NAME_ENTRY_get_object(entry);
		char oid[80], value[200];
		int nid = OBJ_obj2nid(type), wrote;

		if (nid == NID_undef || OBJ_nid2sn(nid) == NULL)
			OBJ_obj2txt(oid, sizeof(oid), type, 1);
		show_value(X509_NAME_ENTRY_get_data(entry), value, sizeof(value));
		wrote = snprintf(buf + at, SHOW_MAX - at, "%s%s=%s", at > 0 ? ", " : "",
				 nid == NID_undef ? oid : OBJ_nid2sn(nid), value);
		if (wrote < 0 || (size_t)wrote >= SHOW_MAX - at) {
			/* Not in the middle of a character. */
			snprintf(buf + at, SHOW_MAX - at, "%s", SHOW_MAX - at > 5 ? ", ..." : "");
			break;
		}
		at += (size_t)wrote;
	}
	if (buf[0] == '\0')
		snprintf(buf, SHOW_MAX, "(no name)");
	return buf;
}

char *certshow_date(const ASN1_TIME *t, char buf[SHOW_MAX])
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1 || strftime(buf, SHOW_MAX, "%Y-%m-%d", &tm) == 0)
		snprintf(buf, SHOW_MAX, "(not readable)");
	ERR_clear_error();
	return buf;
}

char *certshow_key(const X509 *cert, char buf[SHOW_MAX])
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	const char *type = key == NULL ? NULL : EVP_PKEY_get0_type_name(key);
	char group[80];

	if (type == NULL) {
		snprintf(buf, SHOW_MAX, "unknown");
	} else if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1) {
		const char *nist = EC_curve_nid2nist(OBJ_sn2nid(group));

		snprintf(buf, SHOW_MAX, "%s %s", type, nist == NULL ? group : nist);
	} else {
		snprintf(buf, SHOW_MAX, "%s %d bits", type, EVP_PKEY_get_bits(key));
	}
	ERR_clear_error();
	return buf;
}

static void show_sha256(FILE *to, const X509 *cert, const char *indent)
{
	char sha256[FINGERPRINT_TEXT];
	struct fingerprint f;

	if (fingerprint_of(cert, &f) == 0)
		fprintf(to, "%s    SHA-256  %s\n", indent, fingerprint_text(&f, sha256));
}

void certshow_identity(FILE *to, const X509 *cert, const char *indent)
{
	char buf[SHOW_MAX];

	fprintf(to, "%s%s\n", indent, certshow_name(X509_get_subject_name(cert), buf));
	show_sha256(to, cert, indent);
}

void certshow_certificate(FILE *to, const X509 *cert, const char *indent)
{
	char buf[SHOW_MAX], until[SHOW_MAX];

	fprintf(to, "%s%s\n", indent, certshow_name(X509_get_subject_name(cert), buf));
	if (X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0)
		snprintf(buf, sizeof(buf), "itself");
	else
		certshow_name(X509_get_issuer_name(cert), buf);
	fprintf(to, "%s    issuer   %s\n", indent, buf);
	fprintf(to, "%s    valid    %s to %s\n", indent,
		certshow_date(X509_get0_notBefore(cert), buf),
		certshow_date(X509_get0_notAfter(cert), until));
	fprintf(to, "%s    key      %s\n", indent, certshow_key(cert, buf));
	show_sha256(to, cert, indent);
}
