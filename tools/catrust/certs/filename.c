/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/filename.h"

#include <openssl/x509.h>
#include <stdio.h>

char *filename_for(const unsigned char *name, size_t len, const struct fingerprint *f,
		   char buf[FILENAME_SIZE])
{
	char slug[FILENAME_SLUG + 1];
	size_t at = 0;

	for (size_t i = 0; i < len && at < FILENAME_SLUG; i++) {
		unsigned char c = name[i];

		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c - 'A' + 'a');
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			slug[at++] = (char)c;
		else if (at > 0 && slug[at - 1] != '-')
			slug[at++] = '-';
	}
	if (at > 0 && slug[at - 1] == '-')
		at--;
	slug[at] = '\0';
	snprintf(buf, FILENAME_SIZE, "%s-%02x%02x%02x%02x.pem", at > 0 ? slug : "ca", f->byte[0],
		 f->byte[1], f->byte[2], f->byte[3]);
	return buf;
}

char *filename_of(const X509 *cert, char buf[FILENAME_SIZE])
{
	static const int kinds[] = {NID_commonName, NID_organizationalUnitName,
				    NID_organizationName};
	const X509_NAME *subject = X509_get_subject_name(cert);
	const unsigned char *text = (const unsigned char *)"";
	struct fingerprint f;
	size_t len = 0;

	if (fingerprint_of(cert, &f) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds) && len == 0; i++) {
		int at = X509_NAME_get_index_by_NID(subject, kinds[i], -1);
		const ASN1_STRING *value =
			at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));

		if (value != NULL) {
			text = ASN1_STRING_get0_data(value);
			len = (size_t)ASN1_STRING_length(value);
		}
	}
	return filename_for(text, len, &f, buf);
}
