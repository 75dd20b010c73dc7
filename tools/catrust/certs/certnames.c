/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/certnames.h"

#include "base/escape.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take_text(const unsigned char *data, size_t len, struct certname *ret)
{
	ret->kind = CERTNAME_DNS;
	if (len == 0 || len >= sizeof(ret->text) || memchr(data, '\0', len) != NULL) {
		ret->kind = CERTNAME_BROKEN;
		if (len == 0)
			memcpy(ret->text, CERTNAMES_EMPTY, sizeof(CERTNAMES_EMPTY));
		else
			escape(ret->text, sizeof(ret->text), data, len, ESCAPE_ASCII);
		return;
	}
	memcpy(ret->text, data, len);
	ret->text[len] = '\0';
}

static void take_address(const unsigned char *data, size_t len, struct certname *ret)
{
	ret->kind = CERTNAME_ADDRESS;
	if ((len != 4 && len != 16) ||
	    inet_ntop(len == 4 ? AF_INET : AF_INET6, data, ret->text, sizeof(ret->text)) == NULL) {
		ret->kind = CERTNAME_BROKEN;
		snprintf(ret->text, sizeof(ret->text), "(an address of %zu bytes)", len);
	}
}

static bool take_name(const GENERAL_NAME *name, struct certnames *names, struct certname *ret)
{
	int type = -1;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
	size_t len;

	if (type != GEN_DNS && type != GEN_IPADD)
		return false;
	len = (size_t)ASN1_STRING_length(value);
	names->has_others = true;
	names->has_dns = names->has_dns || type == GEN_DNS;
	if (type == GEN_DNS)
		take_text(ASN1_STRING_get0_data(value), len, ret);
	else
		take_address(ASN1_STRING_get0_data(value), len, ret);
	return true;
}

static struct certname *next(struct certnames *names)
{
	names->cut = names->count == CERTNAMES_MAX;
	return names->cut ? NULL : &names->item[names->count];
}

static void take_subject(const X509 *cert, struct certnames *names)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	struct certname *name;

	for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0 &&
			 (name = next(names)) != NULL;
	     names->count++) {
		unsigned char *utf8 = NULL;
		int len = ASN1_STRING_to_UTF8(
			&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)));

		take_text(utf8, len < 0 ? 0 : (size_t)len, name);
		name->of_subject = true;
		OPENSSL_free(utf8);
	}
}

int certnames_read(const X509 *cert, struct certnames *ret)
{
	int found;
	GENERAL_NAMES *list = X509_get_ext_d2i(cert, NID_subject_alt_name, &found, NULL);
	int count = sk_GENERAL_NAME_num(list), subjects;
	struct certnames names = {.unreadable = list == NULL && found != -1};
	struct certname *name;
	size_t room;

	ERR_clear_error();
	subjects = X509_NAME_entry_count(X509_get_subject_name(cert));
	room = (size_t)(count > 0 ? count : 0) + (size_t)(subjects > 0 ? subjects : 0) + 1;
	names.item = calloc(room < CERTNAMES_MAX ? room : CERTNAMES_MAX, sizeof(*names.item));
	if (names.item == NULL) {
		GENERAL_NAMES_free(list);
		return -1;
	}
	for (int i = 0; i < count && (name = next(&names)) != NULL; i++)
		names.count += take_name(sk_GENERAL_NAME_value(list, i), &names, name);
	GENERAL_NAMES_free(list);
	take_subject(cert, &names);
	ERR_clear_error();
	*ret = names;
	return 0;
}

char *certnames_text(const struct certname *name, char buf[CERTNAMES_TEXT])
{
	if (name->kind == CERTNAME_BROKEN)
		memcpy(buf, name->text, strlen(name->text) + 1);
	else
		escape(buf, CERTNAMES_TEXT, name->text, strlen(name->text), ESCAPE_ASCII);
	return buf;
}

int certnames_shown(const X509 *cert, int most, char *buf, size_t size)
{
	struct certnames names;
	int count = 0;
	size_t at = 0;

	buf[0] = '\0';
	if (certnames_read(cert, &names) != 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		const struct certname *name = &names.item[i];
		char text[CERTNAMES_TEXT];

		if (name->of_subject || count++ > most || at >= size)
			continue;
		if (count > most)
			memcpy(text, "...", sizeof("..."));
		else
			certnames_text(name, text);
		at += (size_t)snprintf(buf + at, size - at, "%s%s", at > 0 ? ", " : "", text);
	}
	certnames_clear(&names);
	return count;
}

void certnames_clear(struct certnames *names)
{
	free(names->item);
	*names = (struct certnames){.item = NULL};
}
