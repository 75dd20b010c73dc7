/* SPDX-License-Identifier: Apache-2.0 */
#include "load/plain.h"

#include "libc/hash.h"
#include "x509/der.h"
#include "x509/sound.h"

#include <string.h>

/* ---- Names ---- */

/* Mixes in a visible ASCII character in lower case. OpenSSL treats all kinds of spaces alike. */
static uint64_t mix_character(uint64_t hash, unsigned char c)
{
	if (c <= ' ' || c >= 0x7f)
		return hash;
	return hash_add(hash, c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* The bytes of a character in the types that OpenSSL compares as UTF-8. The text of other types is
 * left out. */
static size_t width_of(unsigned char tag)
{
	switch (tag) {
	case 0x0c: /* UTF8String */
	case 0x13: /* PrintableString */
	case 0x14: /* T61String */
	case 0x16: /* IA5String */
	case 0x1a: /* VisibleString */
		return 1;
	case 0x1e: /* BMPString */
		return 2;
	case 0x1c: /* UniversalString */
		return 4;
	default:
		return 0;
	}
}

static uint64_t hash_entry(struct span entry)
{
	uint64_t hash = HASH_START;
	struct span type, value;
	unsigned char tag;
	size_t width;

	if (!der_expect(&entry, DER_OID, &type) || !der_next(&entry, &tag, &value))
		return 0;
	for (size_t i = 0; i < type.len; i++)
		hash = hash_add(hash, type.at[i]);
	width = width_of(tag);
	for (size_t i = 0; width > 0 && i + width <= value.len; i += width) {
		bool is_ascii = true;

		for (size_t j = 0; j + 1 < width; j++)
			is_ascii = is_ascii && value.at[i + j] == 0;
		if (is_ascii)
			hash = mix_character(hash, value.at[i + width - 1]);
	}
	/* Otherwise, similar parts would often give equal sums. */
	return hash ^ hash >> 29;
}

uint64_t plain_name(const unsigned char *der, size_t len)
{
	struct span in = {der, len}, name, set, entry;
	uint64_t sum = 0;

	if (!der_expect(&in, DER_SEQUENCE, &name))
		return 0;
	while (der_expect(&name, DER_SET, &set))
		while (der_expect(&set, DER_SEQUENCE, &entry))
			sum += hash_entry(entry);
	return sum;
}

/* ---- Certificates ---- */

/* The keys that every OpenSSL can decode: the AlgorithmIdentifier, and the number of bytes of a key
 * with a fixed length (including the first byte, which says that no bits are unused). */
static const struct {
	unsigned char len, algorithm[21], key_len, begins;
} kinds[] = {
	{15,
	 {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00},
	 0,
	 DER_SEQUENCE},
	{21,
	 {0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
	  0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07},
	 66,
	 0x04},
	{18,
	 {0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
	  0x04, 0x00, 0x22},
	 98,
	 0x04},
	{18,
	 {0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
	  0x04, 0x00, 0x23},
	 134,
	 0x04},
};

static bool is_rsa_key(struct span bits)
{
	struct span in = {bits.at + 1, bits.len - 1}, key, n, e;

	return der_expect(&in, DER_SEQUENCE, &key) && in.len == 0 &&
	       der_expect(&key, DER_INTEGER, &n) && der_expect(&key, DER_INTEGER, &e) &&
	       key.len == 0 && n.len > 0 && n.at[0] < 0x80 && e.len > 0 && e.at[0] < 0x80;
}

/* in begins with a SubjectPublicKeyInfo; sound_form() has checked that. */
static bool is_usual_key(struct span in)
{
	struct span key, algorithm, bits;
	const unsigned char *start;
	size_t len;

	if (!der_expect(&in, DER_SEQUENCE, &key))
		return false;
	start = key.at;
	if (!der_expect(&key, DER_SEQUENCE, &algorithm))
		return false;
	len = (size_t)(key.at - start);
	if (!der_expect(&key, DER_BIT_STRING, &bits) || bits.len < 2)
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kinds[i].len == len && memcmp(kinds[i].algorithm, start, len) == 0)
			return bits.at[1] == kinds[i].begins &&
			       (kinds[i].key_len == 0 ? is_rsa_key(bits)
						      : kinds[i].key_len == bits.len);
	return false;
}

static bool describe(struct plain_cert *cert, const unsigned char *der, size_t len)
{
	struct span validity, name, behind;

	if (len > PLAIN_MAX_CERT || !sound_form(der, len) ||
	    !der_subject(der, len, &validity, &name))
		return false;
	behind.at = name.at + name.len;
	behind.len = (size_t)(der + len - behind.at);
	*cert = (struct plain_cert){der, len, plain_name(name.at, name.len)};
	return is_usual_key(behind);
}

/* ---- PEM ---- */

static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";

/* OpenSSL reads longer lines of text in pieces. */
enum { MAX_LINE = 200, FULL_LINE = 64 };

static bool take_line(struct span *in, struct span *line)
{
	const unsigned char *newline =
		memchr(in->at, '\n', in->len < MAX_LINE ? in->len : MAX_LINE);

	if (newline == NULL)
		return false;
	*line = (struct span){in->at, (size_t)(newline - in->at)};
	in->at += line->len + 1;
	in->len -= line->len + 1;
	return true;
}

static bool is(const struct span *line, const char *text, size_t len)
{
	return line->len == len && memcmp(line->at, text, len) == 0;
}

/* The six bits of a digit of base64; 0x40 for any other character. */
static unsigned value_of(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26U;
	if (c >= '0' && c <= '9')
		return c - '0' + 52U;
	return c == '+' ? 62 : c == '/' ? 63 : 0x40;
}

/* Decodes four digits, the last one or two of which may be '='; returns the number of bytes, 0 if
 * they are invalid. */
static size_t decode_four(const unsigned char *at, unsigned char *to)
{
	unsigned a = value_of(at[0]), b = value_of(at[1]), c = 0, d = 0;
	size_t len = at[3] != '=' ? 3 : at[2] != '=' ? 2 : 1;

	if (len > 1)
		c = value_of(at[2]);
	if (len > 2)
		d = value_of(at[3]);
	if (((a | b | c | d) & 0x40) != 0)
		return 0;
	to[0] = (unsigned char)(a << 2 | b >> 4);
	if (len > 1)
		to[1] = (unsigned char)(b << 4 | c >> 2);
	if (len > 2)
		to[2] = (unsigned char)(c << 6 | d);
	return len;
}

/* Reads up to the block's last line; returns the number of bytes, 0 if it is not plain. */
static size_t take_block(struct span *in, unsigned char *to)
{
	struct span line;
	bool is_last = false;
	size_t len = 0;

	for (;;) {
		if (!take_line(in, &line))
			return 0;
		if (is(&line, end, sizeof(end) - 1))
			return len;
		if (is_last || line.len == 0 || line.len > FULL_LINE || line.len % 4 != 0)
			return 0;
		is_last = line.len < FULL_LINE;
		for (size_t i = 0; i < line.len; i += 4) {
			size_t got = decode_four(line.at + i, to + len);

			/* Padding must end the block. */
			if (got == 0 || (got < 3 && i + 4 < line.len))
				return 0;
			is_last = is_last || got < 3;
			len += got;
		}
	}
}

size_t plain_count(const char *pem, size_t len)
{
	const char *at = pem, *found;
	size_t count = 0;

	while ((found = memmem(at, len - (size_t)(at - pem), begin, sizeof(begin) - 1)) != NULL) {
		at = found + sizeof(begin) - 1;
		count++;
	}
	return count;
}

bool plain_read(const char *pem, size_t len, struct plain_cert *certs, size_t count,
		unsigned char *der)
{
	struct span in = {(const unsigned char *)pem, len}, line;
	size_t found = 0;

	while (in.len > 0) {
		size_t size;

		if (!take_line(&in, &line))
			return false;
		if (!is(&line, begin, sizeof(begin) - 1)) {
			if (memmem(line.at, line.len, "-----", 5) != NULL)
				return false;
			continue;
		}
		size = found < count ? take_block(&in, der) : 0;
		if (size == 0 || !describe(&certs[found], der, size))
			return false;
		found++;
		der += size;
	}
	return found == count && count > 0;
}
