/* SPDX-License-Identifier: Apache-2.0 */
#include "pin.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

/* A name of the certificate as text; false where it can be no host's. */
static bool name_text(const GENERAL_NAME *name, char text[TARGET_HOST])
{
	int type = -1;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
	const unsigned char *data =
		type == GEN_DNS || type == GEN_IPADD ? ASN1_STRING_get0_data(value) : NULL;
	int len = data == NULL ? 0 : ASN1_STRING_length(value);

	if (type == GEN_IPADD)
		return (len == 4 || len == 16) &&
		       inet_ntop(len == 4 ? AF_INET : AF_INET6, data, text, TARGET_HOST) != NULL;
	if (len <= 0 || len >= TARGET_HOST || memchr(data, '\0', (size_t)len) != NULL)
		return false;
	memcpy(text, data, (size_t)len);
	text[len] = '\0';
	return true;
}

static size_t add(const char *text, char scope[PIN_SCOPES_MAX][SCOPEDIR_NAME], size_t count)
{
	/* What *.corp.example stands for is below corp.example. */
	if (strncmp(text, "*.", 2) == 0)
		text += 2;
	if (count == PIN_SCOPES_MAX || scopedir_parse(text, scope[count]) != NULL)
		return count;
	for (size_t i = 0; i < count; i++)
		if (strcmp(scope[i], scope[count]) == 0)
			return count;
	return count + 1;
}

static size_t common_name(const X509 *cert, char text[TARGET_HOST])
{
	int len = X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, text,
					    TARGET_HOST);

	return len > 0 && strlen(text) == (size_t)len;
}

size_t pin_names(X509 *cert, char name[PIN_NAMES_MAX][TARGET_HOST])
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	size_t count = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && count < PIN_NAMES_MAX; i++)
		if (name_text(sk_GENERAL_NAME_value(names, i), name[count]))
			count++;
	if (count == 0)
		count = common_name(cert, name[0]);
	GENERAL_NAMES_free(names);
	ERR_clear_error();
	return count;
}

size_t pin_scopes(X509 *cert, char scope[PIN_SCOPES_MAX][SCOPEDIR_NAME])
{
	char name[PIN_NAMES_MAX][TARGET_HOST];
	size_t names = pin_names(cert, name), count = 0;

	for (size_t i = 0; i < names; i++)
		count = add(name[i], scope, count);
	return count;
}
