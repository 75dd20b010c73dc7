/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/certnames.h"

#include "base/escape.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take_name(const struct name *name, struct certname *ret)
{
	const struct span *raw = &name->unreadable;

	ret->name = *name;
	ret->name.unreadable = (struct span){NULL, 0};
	memcpy(ret->text, name->text, sizeof(name->text));
	if (name->host != NAME_IS_UNREADABLE)
		return;
	if (name->kind == NAME_ADDRESS)
		snprintf(ret->text, sizeof(ret->text), "(an address of %zu bytes)", raw->len);
	else if (raw->len == 0)
		snprintf(ret->text, sizeof(ret->text), "(empty)");
	else
		escape(ret->text, sizeof(ret->text), raw->at, raw->len, ESCAPE_ASCII);
}

static bool is_server(const struct name *name)
{
	return name->kind == NAME_DNS || name->kind == NAME_ADDRESS;
}

static void add_name(struct certnames *names, const struct name *name)
{
	names->cut = names->cut || names->count == CERTNAMES_MAX;
	if (!names->cut)
		take_name(name, &names->item[names->count++]);
}

static void add_subject(const X509 *cert, struct certnames *names)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	struct name name;

	for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0;) {
		unsigned char *utf8 = NULL;
		int len = ASN1_STRING_to_UTF8(
			&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)));

		names_common(len < 0 ? (const unsigned char *)"" : utf8, len < 0 ? 1 : (size_t)len,
			     &name);
		add_name(names, &name);
		OPENSSL_free(utf8);
	}
}

/*
 * The value of the extension subjectAltName, for names_next(); nothing if there is none. false:
 * it can't be read, or there are two.
 */
static bool open_names(const X509 *cert, struct span *ret)
{
	int at = X509_get_ext_by_NID(cert, NID_subject_alt_name, -1);
	const ASN1_STRING *value;

	*ret = (struct span){NULL, 0};
	if (at < 0)
		return true;
	if (X509_get_ext_by_NID(cert, NID_subject_alt_name, at) >= 0)
		return false;
	value = X509_EXTENSION_get_data(X509_get_ext(cert, at));
	return names_open(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value), ret);
}

int certnames_read(const X509 *cert, struct certnames *ret)
{
	struct certnames names = {.item = NULL};
	struct span list, rest;
	struct name name;
	size_t room;
	int subjects = X509_NAME_entry_count(X509_get_subject_name(cert));

	names.unreadable = !open_names(cert, &list);
	if (names.unreadable)
		list.len = 0;
	room = (size_t)(subjects > 0 ? subjects : 0) + 1;
	for (rest = list; room < CERTNAMES_MAX && names_next(&rest, &name);)
		room++;
	names.item = calloc(room < CERTNAMES_MAX ? room : CERTNAMES_MAX, sizeof(*names.item));
	if (names.item == NULL)
		return -1;
	while (!names.cut && names_next(&list, &name)) {
		if (name.host == NAME_IS_NO_HOST)
			continue;
		names.has_others =
			names.has_others || name.kind == NAME_DNS || name.kind == NAME_ADDRESS;
		add_name(&names, &name);
	}
	add_subject(cert, &names);
	ERR_clear_error();
	*ret = names;
	return 0;
}

bool certnames_is_compared(const struct certnames *names, const struct certname *name)
{
	return names->has_others ? is_server(&name->name) : name->name.kind == NAME_COMMON;
}

char *certnames_text(const struct certname *name, char buf[CERTNAMES_TEXT])
{
	if (name->name.host == NAME_IS_UNREADABLE)
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

		if (!is_server(&name->name) || count++ > most || at >= size)
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
