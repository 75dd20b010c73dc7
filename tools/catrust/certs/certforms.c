/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/certforms.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* 0: no; 1, 2: UTF-16 with the low or the high byte first. */
static int utf16_order(const unsigned char *data, size_t len)
{
	if (len < 4 || len % 2 != 0)
		return 0;
	if ((data[0] == 0xff && data[1] == 0xfe) || (data[0] == '-' && data[1] == 0))
		return 1;
	if ((data[0] == 0xfe && data[1] == 0xff) || (data[0] == 0 && data[1] == '-'))
		return 2;
	return 0;
}

/* Only comments have characters outside ASCII, and their text does not matter. */
static int from_utf16(const unsigned char *data, size_t len, int order, unsigned char **ret,
		      size_t *ret_len)
{
	unsigned char *text = malloc(len / 2 + 1);
	size_t at = 0;

	if (text == NULL)
		return -ENOMEM;
	for (size_t i = 0; i + 1 < len; i += 2) {
		unsigned char low = data[i + (order == 2)], high = data[i + (order == 1)];

		if (!(i == 0 && (high == 0xfe || high == 0xff)))
			text[at++] = high == 0 && low < 0x80 ? low : '?';
	}
	*ret = text;
	*ret_len = at;
	return 0;
}

static bool is_base64(unsigned char c)
{
	return isalnum(c) || c == '+' || c == '/' || c == '=';
}

/* Only base64 and white space, and long enough for a certificate. */
static bool is_bare(const unsigned char *data, size_t len)
{
	enum { LEAST = 100 };
	size_t count = 0;

	for (size_t i = 0; i < len; i++) {
		if (isspace(data[i]))
			continue;
		if (!is_base64(data[i]))
			return false;
		count++;
	}
	return count >= LEAST && count % 4 == 0;
}

static int from_base64(const unsigned char *data, size_t len, unsigned char **ret, size_t *ret_len)
{
	unsigned char *text = malloc(len + 1), *der = malloc(len + 1);
	size_t count = 0;
	int got = -1;

	for (size_t i = 0; text != NULL && i < len; i++)
		if (!isspace(data[i]))
			text[count++] = data[i];
	if (text != NULL && der != NULL && count <= INT_MAX)
		got = EVP_DecodeBlock(der, text, (int)count);
	/* EVP_DecodeBlock() counts the bytes of the padding, too. */
	for (size_t i = count; got > 0 && i > count - 2 && text[i - 1] == '='; i--)
		got--;
	if (got > 0 && der[0] == 0x30) {
		*ret = der;
		*ret_len = (size_t)got;
		der = NULL;
	}
	got = text == NULL ? -ENOMEM : 0;
	free(text);
	free(der);
	return got;
}

int certforms_convert(const unsigned char *data, size_t len, unsigned char **ret, size_t *ret_len)
{
	int order = utf16_order(data, len);

	*ret = NULL;
	*ret_len = 0;
	if (order != 0)
		return from_utf16(data, len, order, ret, ret_len);
	return is_bare(data, len) ? from_base64(data, len, ret, ret_len) : 0;
}

static bool has(const unsigned char *data, size_t len, const char *text)
{
	return memmem(data, len, text, strlen(text)) != NULL;
}

const char *certforms_name(const unsigned char *data, size_t len)
{
	/* RFC 7292, 4: version 3, then the ContentInfo of pkcs7-data or pkcs7-signedData. */
	static const unsigned char version[] = {0x02, 0x01, 0x03, 0x30};
	static const unsigned char jks[] = {0xfe, 0xed, 0xfe, 0xed},
				   jceks[] = {0xce, 0xce, 0xce, 0xce};
	enum { HEAD = 12 };

	if (len >= HEAD && data[0] == 0x30 && memmem(data, HEAD, version, sizeof(version)) != NULL)
		return "a PKCS#12 file, which catrust can't read; to convert it: openssl pkcs12 "
		       "-in FILE -nokeys "
		       "-out ca.pem";
	if (len >= sizeof(jks) &&
	    (memcmp(data, jks, sizeof(jks)) == 0 || memcmp(data, jceks, sizeof(jceks)) == 0))
		return "a Java keystore, which catrust can't read; to convert it: keytool -list "
		       "-rfc -keystore "
		       "FILE > ca.pem";
	if (has(data, len, "PRIVATE KEY-----") && !has(data, len, "-----BEGIN CERTIFICATE-----"))
		return "a private key, not a certificate";
	if (has(data, len, "-----BEGIN CERTIFICATE-----\\n") ||
	    has(data, len, "-----BEGIN CERTIFICATE-----\\r\\n"))
		return "PEM whose line breaks are written as \\n: printf '%b\\n' \"$(cat FILE)\" > "
		       "ca.pem";
	return NULL;
}
