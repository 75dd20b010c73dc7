/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/fingerprint.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

const char *fingerprint_parse(const char *text, struct fingerprint *ret)
{
	/* The second one is openssl's: sha256 in 3.0 and newer, SHA256 before. */
	static const char *const prefixes[] = {"sha256:", "sha256 Fingerprint="};
	struct fingerprint f = {{0}};
	size_t count = 0;
	bool colons;

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		if (strncasecmp(text, prefixes[i], strlen(prefixes[i])) == 0) {
			text += strlen(prefixes[i]);
			break;
		}
	colons = strchr(text, ':') != NULL;
	while (*text != '\0') {
		int high, low;

		if (colons && count > 0 && *text++ != ':')
			return "a colon is missing between two bytes, or a byte does not have two "
			       "digits";
		high = hex_value(text[0]);
		low = high < 0 ? -1 : hex_value(text[1]);
		if (low < 0)
			return "it is not made of pairs of hexadecimal digits";
		if (count == FINGERPRINT_SIZE)
			return "it is longer than a SHA-256 fingerprint (64 digits)";
		f.byte[count++] = (unsigned char)(high << 4 | low);
		text += 2;
	}
	if (count == 20)
		return "it is a SHA-1 fingerprint (40 digits): a SHA-256 fingerprint is needed (64 "
		       "digits)";
	if (count < FINGERPRINT_SIZE)
		return "it is shorter than a SHA-256 fingerprint (64 digits)";
	*ret = f;
	return NULL;
}

char *fingerprint_text(const struct fingerprint *f, char buf[FINGERPRINT_TEXT])
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < FINGERPRINT_SIZE; i++) {
		buf[3 * i] = hex[f->byte[i] >> 4];
		buf[3 * i + 1] = hex[f->byte[i] & 15];
		buf[3 * i + 2] = i + 1 < FINGERPRINT_SIZE ? ':' : '\0';
	}
	return buf;
}

int fingerprint_of(const X509 *cert, struct fingerprint *ret)
{
	unsigned int len = 0;

	return X509_digest(cert, EVP_sha256(), ret->byte, &len) == 1 && len == FINGERPRINT_SIZE
		       ? 0
		       : -1;
}

bool fingerprint_equal(const struct fingerprint *a, const struct fingerprint *b)
{
	return memcmp(a->byte, b->byte, FINGERPRINT_SIZE) == 0;
}

bool fingerprints_have(const struct fingerprints *list, const X509 *cert)
{
	struct fingerprint f;

	if (fingerprint_of(cert, &f) != 0)
		return false;
	for (size_t i = 0; i < list->count; i++)
		if (fingerprint_equal(&list->item[i], &f))
			return true;
	return false;
}
