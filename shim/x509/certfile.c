/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/certfile.h"

#include "x509/der.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	const struct certfile_sink *sink;
	struct certfile_place place;
	size_t certs;
	size_t problems;
	bool has_request;
	int error; /* 0, or what certfile_parse() returns */
};

static void problem(struct parser *p, const char *reason)
{
	if (p->error != 0)
		return;
	p->problems++;
	p->sink->problem(p->sink->arg, p->place, reason);
}

static void found(struct parser *p, struct span cert)
{
	if (p->certs == CERTFILE_MAX_CERTS) {
		p->error = -E2BIG;
		return;
	}
	p->certs++;
	if (!p->sink->cert(p->sink->arg, cert.at, cert.len, p->place))
		p->error = -ENOMEM;
}

static struct span rest_of(struct span whole, const unsigned char *at)
{
	return (struct span){at, whole.len - (size_t)(at - whole.at)};
}

/* Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, algorithm SEQUENCE, signature BIT STRING } */
static bool take_cert(struct span *in, struct span *cert)
{
	struct span rest = *in, body, part;

	if (!der_expect(&rest, DER_SEQUENCE, &body))
		return false;
	/* The two take one element each. NOLINTNEXTLINE(misc-redundant-expression) */
	if (!der_expect(&body, DER_SEQUENCE, &part) || !der_expect(&body, DER_SEQUENCE, &part) ||
	    !der_expect(&body, DER_BIT_STRING, &part) || body.len > 0)
		return false;
	*cert = (struct span){in->at, (size_t)(rest.at - in->at)};
	*in = rest;
	return true;
}

/*
 * CertificateList ::= SEQUENCE { tbsCertList SEQUENCE { version INTEGER OPTIONAL, signature
 * SEQUENCE, issuer SEQUENCE, thisUpdate Time, … }, … } (RFC 5280, 5.1). A certificate has a
 * SEQUENCE of two times there.
 */
static bool is_crl(struct span in)
{
	struct span body, list, part;
	unsigned char tag;

	if (!der_expect(&in, DER_SEQUENCE, &body) || !der_expect(&body, DER_SEQUENCE, &list))
		return false;
	der_expect(&list, DER_INTEGER, &part);
	/* The two take one element each. NOLINTNEXTLINE(misc-redundant-expression) */
	if (!der_expect(&list, DER_SEQUENCE, &part) || !der_expect(&list, DER_SEQUENCE, &part))
		return false;
	return der_next(&list, &tag, &part) && (tag == DER_UTC_TIME || tag == DER_GENERALIZED_TIME);
}

static const char crl_ignored[] =
	"a revocation list, ignored: catrust uses no revocation lists, so remove it";

static bool is_padding(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] != '\0' && s.at[i] != '\n' && s.at[i] != '\r' && s.at[i] != ' ' &&
		    s.at[i] != 0x1a)
			return false;
	return true;
}

/*
 * Does a list of purposes include TLS servers? serverAuth (1.3.6.1.5.5.7.3.1) or
 * anyExtendedKeyUsage (2.5.29.37.0).
 */
static bool names_server_auth(struct span purposes)
{
	struct span oid;

	while (der_expect(&purposes, DER_OID, &oid))
		if (span_is(oid, "\x2b\x06\x01\x05\x05\x07\x03\x01", 8) ||
		    span_is(oid, "\x55\x1d\x25\x00", 4))
			return true;
	return false;
}

/*
 * What OpenSSL's TRUSTED CERTIFICATE has behind the certificate (X509_CERT_AUX in x_x509a.c):
 * SEQUENCE { trust SEQUENCE OF OID OPTIONAL, reject [0] SEQUENCE OF OID OPTIONAL, … }. If
 * they say that this CA is not for TLS servers, that counts.
 */
static bool aux_allows_servers(struct span aux)
{
	struct span settings, list;

	if (aux.len == 0)
		return true;
	if (!der_expect(&aux, DER_SEQUENCE, &settings))
		return false;
	if (der_expect(&settings, DER_SEQUENCE, &list) && !names_server_auth(list))
		return false;
	return !der_expect(&settings, DER_CONTEXT_0, &list) || !names_server_auth(list);
}

/*
 * ContentInfo ::= SEQUENCE { contentType OID signedData, [0] SEQUENCE { version INTEGER,
 * digestAlgorithms SET, contentInfo SEQUENCE, certificates [0] IMPLICIT SET OF Certificate, … } }
 */
static bool is_pkcs7(struct span in)
{
	struct span body, oid;

	return der_expect(&in, DER_SEQUENCE, &body) && der_expect(&body, DER_OID, &oid) &&
	       span_is(oid, "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", 9);
}

static void parse_pkcs7(struct parser *p, struct span in)
{
	struct span body, oid, explicit, signed_data, part, certs = {NULL, 0}, cert;
	unsigned char tag;
	size_t before = p->certs;

	if (!der_expect(&in, DER_SEQUENCE, &body) || !der_expect(&body, DER_OID, &oid) ||
	    !der_expect(&body, DER_CONTEXT_0, &explicit) ||
	    !der_expect(&explicit, DER_SEQUENCE, &signed_data)) {
		problem(p, "broken PKCS#7");
		return;
	}
	while (certs.at == NULL && der_next(&signed_data, &tag, &part))
		if (tag == DER_CONTEXT_0)
			certs = part;
	while (certs.len > 0 && p->error == 0) {
		if (take_cert(&certs, &cert)) {
			found(p, cert);
		} else if (!der_next(&certs, &tag, &part)) {
			problem(p, "broken PKCS#7");
			return;
		} /* anything else, such as an attribute certificate, is not trusted */
	}
	if (p->certs == before && p->error == 0)
		problem(p, "a PKCS#7 file without certificates");
}

static void parse_der(struct parser *p, struct span whole)
{
	struct span in = whole, cert;

	if (is_pkcs7(in)) {
		parse_pkcs7(p, in);
		return;
	}
	if (is_crl(in)) {
		problem(p, crl_ignored);
		return;
	}
	while (p->error == 0 && take_cert(&in, &cert)) {
		found(p, cert);
		p->place.at = (size_t)(in.at - whole.at);
		if (is_padding(in))
			return;
	}
	if (p->error != 0)
		return;
	if (p->certs > 0)
		problem(p, "the data after the certificate is not a certificate, ignored");
	else
		problem(p, "broken DER, or something other than a certificate");
}

static int base64_value(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* out has room for in.len / 4 * 3 + 3 bytes. */
static bool base64_decode(struct span in, unsigned char *out, size_t *ret_len)
{
	unsigned long bits = 0;
	size_t have = 0, padding = 0, len = 0; /* have: bits that are not written yet */

	for (size_t i = 0; i < in.len; i++) {
		unsigned char c = in.at[i];
		int value = base64_value(c);

		if (c == '\n' || c == '\r' || c == ' ' || c == '\t')
			continue;
		if (c == '=' && padding < 2 && (have == 2 || have == 4)) {
			padding++;
			continue;
		}
		if (value < 0 || padding > 0)
			return false;
		bits = bits << 6 | (unsigned long)value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[len++] = (unsigned char)(bits >> have);
		}
	}
	*ret_len = len;
	return have == 2 * padding;
}

static const unsigned char *find(struct span in, const char *what)
{
	return in.len == 0 ? NULL : memmem(in.at, in.len, what, strlen(what));
}

/* Header lines ("Name: value", RFC 1421) end at an empty line, the base64 follows. */
static struct span without_headers(struct span body)
{
	const unsigned char *end;

	if (body.len == 0 || memchr(body.at, ':', body.len) == NULL)
		return body;
	end = find(body, "\n\n");
	if (end == NULL)
		end = find(body, "\n\r\n");
	return end == NULL ? body : rest_of(body, end);
}

static bool is_label(struct span label, const char *name)
{
	return span_is(label, name, strlen(name));
}

static bool ends_with(struct span s, const char *end)
{
	size_t n = strlen(end);

	return s.len >= n && memcmp(s.at + s.len - n, end, n) == 0;
}

static void parse_block(struct parser *p, struct span label, struct span body)
{
	bool trusted = is_label(label, "TRUSTED CERTIFICATE");
	bool plain = is_label(label, "CERTIFICATE") || is_label(label, "X509 CERTIFICATE");
	bool pkcs7 = is_label(label, "PKCS7") || is_label(label, "CMS") ||
		     is_label(label, "PKCS #7 SIGNED DATA");
	struct span der, cert;
	unsigned char *buf = NULL;

	if (ends_with(label, "PRIVATE KEY")) {
		problem(p, "a private key, ignored: it does not belong here, so move it to another "
			   "place");
		return;
	}
	if (is_label(label, "X509 CRL")) {
		problem(p, crl_ignored);
		return;
	}
	if (ends_with(label, "CERTIFICATE REQUEST"))
		p->has_request = true;
	if (!trusted && !plain && !pkcs7)
		return; /* other data, such as parameters, does no harm */
	body = without_headers(body);
	buf = malloc(body.len / 4 * 3 + 3);
	if (buf == NULL) {
		p->error = -ENOMEM;
		return;
	}
	der.at = buf;
	if (!base64_decode(body, buf, &der.len)) {
		problem(p, find(body, "\\n") == NULL
				   ? "broken base64"
				   : "\\n instead of line breaks, skipped; to convert it: printf "
				     "'%b' \"$(cat FILE)\" >NEW.pem");
	} else if (is_pkcs7(der)) {
		parse_pkcs7(p, der);
	} else if (pkcs7 || !take_cert(&der, &cert)) {
		problem(p, pkcs7 ? "broken PKCS#7" : "broken certificate");
	} else if (trusted && !aux_allows_servers(der)) {
		problem(p, "its trust settings exclude TLS servers, skipped");
	} else {
		found(p, cert);
		if (plain && der.len > 0)
			problem(p, "the data after the certificate is not a certificate, ignored");
	}
	free(buf);
}

/* The first "-----BEGIN " of a block, and what its label is. */
static bool find_begin(struct span in, const unsigned char **begin, struct span *label,
		       struct span *after)
{
	static const char mark[] = "-----BEGIN ", dashes[] = "-----";
	enum { LABEL_MAX = 64 };

	while ((*begin = find(in, mark)) != NULL) {
		const unsigned char *end;

		in = rest_of(in, *begin + strlen(mark));
		*label = (struct span){in.at, in.len < LABEL_MAX ? in.len : LABEL_MAX};
		end = find(*label, dashes);
		if (end == NULL)
			continue;
		label->len = (size_t)(end - label->at);
		if (memchr(label->at, '\n', label->len) != NULL)
			continue;
		*after = rest_of(in, end + strlen(dashes));
		return true;
	}
	return false;
}

/* The body of a block up to its END line. */
static bool find_end(struct span in, struct span label, struct span *body, struct span *after)
{
	static const char mark[] = "-----END ", dashes[] = "-----";
	const unsigned char *next = find(in, "-----BEGIN ");
	const unsigned char *end =
		find(next == NULL ? in : (struct span){in.at, (size_t)(next - in.at)}, mark);

	if (end == NULL)
		return false;
	*body = (struct span){in.at, (size_t)(end - in.at)};
	in = rest_of(in, end + strlen(mark));
	if (in.len < label.len + strlen(dashes) || memcmp(in.at, label.at, label.len) != 0 ||
	    memcmp(in.at + label.len, dashes, strlen(dashes)) != 0)
		return false;
	*after = rest_of(in, in.at + label.len + strlen(dashes));
	return true;
}

static size_t count_lines(const unsigned char *from, const unsigned char *to)
{
	size_t lines = 0;

	for (; from < to; from++)
		if (*from == '\n' || (*from == '\r' && (from + 1 == to || from[1] != '\n')))
			lines++;
	return lines;
}

static void parse_pem(struct parser *p, struct span in)
{
	const unsigned char *begin, *counted = in.at;
	struct span label, body;

	p->place = (struct certfile_place){.is_line = true, .at = 1};
	while (p->error == 0 && find_begin(in, &begin, &label, &in)) {
		p->place.at += count_lines(counted, begin);
		counted = begin;
		if (find_end(in, label, &body, &in))
			parse_block(p, label, body);
		else
			problem(p, "a block without its END line");
	}
}

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

/*
 * What people mistake for files of certificates, with the command that converts it: FILE stands for
 * the file's name. NULL: not recognized.
 */
static const char *other_format(struct span s)
{
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

int certfile_parse(const unsigned char *data, size_t len, const struct certfile_sink *sink)
{
	struct parser p = {.sink = sink};
	struct span in = {data, len};
	const char *what = NULL;

	if (len == 0)
		problem(&p, "the file is empty");
	else if (find(in, "-----BEGIN ") != NULL)
		parse_pem(&p, in);
	else if ((what = other_format(in)) != NULL)
		problem(&p, what);
	else if (data[0] == DER_SEQUENCE)
		parse_der(&p, in);
	else
		problem(&p, "not a certificate (neither PEM nor DER)");
	if (p.error == 0 && p.certs == 0 && p.problems == 0) {
		p.place = (struct certfile_place){.is_line = true, .at = 1};
		problem(&p, p.has_request ? "a certificate request, not a certificate"
					  : "no certificate in it");
	}
	return p.error;
}
