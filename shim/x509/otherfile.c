/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/otherfile.h"

#include "x509/der.h"

#include <stdbool.h>
#include <string.h>

static bool starts_with(struct span s, const char *bytes, size_t len)
{
	return s.len >= len && memcmp(s.at, bytes, len) == 0;
}

/* A byte order mark, or "BEGIN" in either order of bytes. */
static bool is_utf16(struct span s)
{
	return starts_with(s, "\xff\xfe", 2) || starts_with(s, "\xfe\xff", 2) ||
	       memmem(s.at, s.len, "B\0E\0G\0I\0N", 9) != NULL;
}

/* JKS and JCEKS. */
static bool is_java_keystore(struct span s)
{
	return starts_with(s, "\xfe\xed\xfe\xed", 4) || starts_with(s, "\xce\xce\xce\xce", 4);
}

/*
 * PFX ::= SEQUENCE { version INTEGER 3, authSafe SEQUENCE … } (RFC 7292), also in BER with
 * indefinite lengths, as NSS writes it.
 */
static bool is_pkcs12(struct span s)
{
	size_t header = 2;

	if (s.len < 2 || s.at[0] != DER_SEQUENCE)
		return false;
	if (s.at[1] > 0x80)
		header += s.at[1] & 0x7fU;
	return header < s.len &&
	       starts_with((struct span){s.at + header, s.len - header}, "\x02\x01\x03\x30", 4);
}

/* Nothing but base64, and it begins like a SEQUENCE of more than 255 bytes. */
static bool is_base64(struct span s)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \t\r\n";

	while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\n' || s.at[0] == '\r')) {
		s.at++;
		s.len--;
	}
	if (!starts_with(s, "MII", 3))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (memchr(digits, s.at[i], sizeof(digits) - 1) == NULL)
			return false;
	return true;
}

const char *otherfile_what(const unsigned char *data, size_t len)
{
	struct span s = {data, len};

	if (is_utf16(s))
		return "UTF-16 text, skipped; to convert it: iconv -f UTF-16 -t UTF-8 FILE "
		       ">NEW.pem";
	if (is_java_keystore(s))
		return "a Java keystore, skipped; to convert it: keytool -list -rfc -keystore FILE "
		       ">NEW.pem";
	if (is_pkcs12(s))
		return "a PKCS#12 keystore, skipped; to convert it: openssl pkcs12 -nokeys -in "
		       "FILE -out NEW.pem";
	if (is_base64(s))
		return "base64 without BEGIN and END lines, skipped; to convert it: base64 -di "
		       "FILE >NEW.der";
	return NULL;
}
