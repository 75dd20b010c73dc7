/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/sound.h"

#include "libc/text.h"
#include "x509/der.h"

/* One element of a tag, its length in the shortest form. */
static bool take(struct span *in, unsigned char tag, struct span *content)
{
	const unsigned char *start = in->at;
	size_t header;

	if (!der_expect(in, tag, content))
		return false;
	header = (size_t)(content->at - start);
	if (content->len < 0x80)
		return header == 2;
	if (content->len < 0x100)
		return header == 3;
	return header == (content->len < 0x10000 ? 4 : 5);
}

static bool take_integer(struct span *in)
{
	struct span n;

	return take(in, DER_INTEGER, &n) && n.len > 0 && n.at[0] < 0x80 &&
	       !(n.len > 1 && n.at[0] == 0 && n.at[1] < 0x80);
}

static bool take_oid(struct span *in)
{
	struct span oid;

	if (!take(in, DER_OID, &oid) || oid.len == 0 || (oid.at[oid.len - 1] & 0x80) != 0)
		return false;
	for (size_t i = 0; i < oid.len; i++)
		if (oid.at[i] == 0x80 && (i == 0 || (oid.at[i - 1] & 0x80) == 0))
			return false;
	return true;
}

/*
 * AlgorithmIdentifier ::= SEQUENCE { algorithm OID, parameters ANY OPTIONAL }: NULL, the name of a
 * curve, or a sequence that is not looked into here.
 */
static bool take_algorithm(struct span *in)
{
	struct span algorithm, content;

	if (!take(in, DER_SEQUENCE, &algorithm) || !take_oid(&algorithm))
		return false;
	if (algorithm.len == 0)
		return true;
	if (algorithm.at[0] == DER_OID)
		return take_oid(&algorithm) && algorithm.len == 0;
	if (algorithm.at[0] == DER_NULL)
		return take(&algorithm, DER_NULL, &content) && content.len == 0 &&
		       algorithm.len == 0;
	return take(&algorithm, DER_SEQUENCE, &content) && algorithm.len == 0;
}

static bool take_bits(struct span *in)
{
	struct span bits;

	return take(in, DER_BIT_STRING, &bits) && bits.len > 1 && bits.at[0] == 0;
}

static bool is_utf8(struct span s)
{
	unsigned long code;
	size_t n;

	for (size_t i = 0; i < s.len; i += n)
		if ((n = text_character(s.at + i, s.len - i, &code)) == 0)
			return false;
	return true;
}

/*
 * PrintableString, IA5String and NumericString as ASCII; UTF8String; T61String, whose bytes all
 * count; and pairs of BMPString.
 */
static bool take_string(struct span *in)
{
	struct span rest = *in, s;
	unsigned char tag;

	if (!der_next(&rest, &tag, &s) || !take(in, tag, &s) || s.len == 0)
		return false;
	if (tag == 0x1e) {
		for (size_t i = 0; i + 1 < s.len; i += 2)
			if (s.at[i] >= 0xd8 && s.at[i] < 0xe0)
				return false;
		return s.len % 2 == 0;
	}
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] == 0 || (tag != 0x0c && tag != 0x14 && s.at[i] >= 0x80))
			return false;
	return tag == 0x0c ? is_utf8(s) : tag == 0x12 || tag == 0x13 || tag == 0x14 || tag == 0x16;
}

/* Name ::= SEQUENCE OF SET OF SEQUENCE { type OID, value } */
static bool take_name(struct span *in)
{
	struct span name, set, entry;

	if (!take(in, DER_SEQUENCE, &name))
		return false;
	while (name.len > 0) {
		if (!take(&name, DER_SET, &set) || set.len == 0)
			return false;
		while (set.len > 0)
			if (!take(&set, DER_SEQUENCE, &entry) || !take_oid(&entry) ||
			    !take_string(&entry) || entry.len > 0)
				return false;
	}
	return true;
}

bool sound_name(const unsigned char *der, size_t len)
{
	struct span in = {der, len};

	return take_name(&in) && in.len == 0;
}

/* A number of two digits off the front; -1 if there is none. */
static int64_t take_two(struct span *s)
{
	int64_t value;

	if (s->len < 2 || s->at[0] < '0' || s->at[0] > '9' || s->at[1] < '0' || s->at[1] > '9')
		return -1;
	value = (s->at[0] - '0') * 10 + (s->at[1] - '0');
	s->at += 2;
	s->len -= 2;
	return value;
}

/*
 * The days from 1970 to a date of the Gregorian calendar, whose years begin in March here. Month 13
 * is January of the next year.
 */
static int64_t days_to(int64_t year, int64_t month, int64_t day)
{
	int64_t shifted = month > 2 ? month - 3 : month + 9, y = month > 2 ? year : year - 1;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * shifted + 2) / 5 + day - 1 - 719468;
}

/* UTCTime is YYMMDDhhmmssZ, GeneralizedTime has the century before (RFC 5280, 4.1.2.5). */
static bool read_time(unsigned char tag, struct span s, int64_t *ret)
{
	int64_t century = tag == DER_GENERALIZED_TIME ? take_two(&s) : -1, part[6], year;

	if (tag != DER_UTC_TIME && century < 0)
		return false;
	for (size_t i = 0; i < 6; i++)
		if ((part[i] = take_two(&s)) < 0)
			return false;
	if (century < 0)
		century = part[0] < 50 ? 20 : 19;
	year = century * 100 + part[0];
	if (s.len != 1 || s.at[0] != 'Z' || part[1] < 1 || part[1] > 12 || part[2] < 1 ||
	    part[2] > days_to(year, part[1] + 1, 1) - days_to(year, part[1], 1) || part[3] > 23 ||
	    part[4] > 59 || part[5] > 59)
		return false;
	*ret = ((days_to(year, part[1], part[2]) * 24 + part[3]) * 60 + part[4]) * 60 + part[5];
	return true;
}

bool sound_dates(struct span validity, int64_t *ret_from, int64_t *ret_until)
{
	struct span from, until;
	unsigned char tag[2];

	return der_next(&validity, &tag[0], &from) && der_next(&validity, &tag[1], &until) &&
	       read_time(tag[0], from, ret_from) && read_time(tag[1], until, ret_until);
}

static bool take_time(struct span *in, int64_t *ret)
{
	struct span rest = *in, s;
	unsigned char tag;

	return der_next(&rest, &tag, &s) && take(in, tag, &s) && read_time(tag, s, ret);
}

struct validity {
	int64_t from, until;
};

static bool take_validity(struct span *in, struct validity *ret)
{
	struct span validity;

	return take(in, DER_SEQUENCE, &validity) && take_time(&validity, &ret->from) &&
	       take_time(&validity, &ret->until) && validity.len == 0;
}

/* SubjectPublicKeyInfo ::= SEQUENCE { algorithm, key BIT STRING } */
static bool take_key(struct span *in)
{
	struct span key;

	return take(in, DER_SEQUENCE, &key) && take_algorithm(&key) && take_bits(&key) &&
	       key.len == 0;
}

/* Extensions ::= SEQUENCE OF SEQUENCE { id OID, critical BOOLEAN DEFAULT FALSE, value OCTET STRING
 * } */
static bool take_extensions(struct span *in)
{
	struct span explicit, all, one, value;

	if (!take(in, DER_CONTEXT_3, &explicit) || !take(&explicit, DER_SEQUENCE, &all) ||
	    explicit.len > 0 || all.len == 0)
		return false;
	while (all.len > 0) {
		if (!take(&all, DER_SEQUENCE, &one) || !take_oid(&one))
			return false;
		if (one.len > 0 && one.at[0] == DER_BOOLEAN &&
		    (!take(&one, DER_BOOLEAN, &value) || value.len != 1 || value.at[0] != 0xff))
			return false;
		if (!take(&one, DER_OCTET_STRING, &value) || one.len > 0)
			return false;
	}
	return true;
}

/* [0] { INTEGER 2 }: version 3. Without it, version 1, which has no extensions. */
static bool take_version_3(struct span *in)
{
	struct span explicit, version;

	return take(in, DER_CONTEXT_0, &explicit) && take(&explicit, DER_INTEGER, &version) &&
	       explicit.len == 0 && version.len == 1 && version.at[0] == 2;
}

static bool read_cert(const unsigned char *der, size_t len, struct validity *ret)
{
	struct span in = {der, len}, cert, tbs;
	bool version_3;

	if (!take(&in, DER_SEQUENCE, &cert) || in.len > 0 || !take(&cert, DER_SEQUENCE, &tbs) ||
	    !take_algorithm(&cert) || !take_bits(&cert) || cert.len > 0)
		return false;
	version_3 = tbs.len > 0 && tbs.at[0] == DER_CONTEXT_0;
	if ((version_3 && !take_version_3(&tbs)) || !take_integer(&tbs) || !take_algorithm(&tbs) ||
	    !take_name(&tbs) || !take_validity(&tbs, ret) || !take_name(&tbs) || !take_key(&tbs))
		return false;
	return tbs.len == 0 || (version_3 && take_extensions(&tbs) && tbs.len == 0);
}

bool sound_form(const unsigned char *der, size_t len)
{
	struct validity ignored;

	return read_cert(der, len, &ignored);
}

bool sound_cert(const unsigned char *der, size_t len, int64_t now)
{
	struct validity validity;

	return read_cert(der, len, &validity) && validity.from <= now && now <= validity.until;
}
