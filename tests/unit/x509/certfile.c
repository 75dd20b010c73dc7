/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/certfile.h"

#include "fixture.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a parse gave, as text: "+1@3" a certificate with id 1 at line 3, "-@3 reason" a problem. */
static char result[8192];

static bool on_cert(void *arg, const unsigned char *der, size_t len, struct certfile_place place)
{
	size_t used = strlen(result);

	ck_assert_uint_eq(len, TINY_CERT);
	ck_assert_uint_lt(used, sizeof(result) - 64);
	snprintf(result + used, sizeof(result) - used, "+%u@%zu%s ", der[9] << 8 | der[10],
		 place.at, place.is_line ? "" : "b");
	return arg == NULL;
}

static void on_problem(void *arg, struct certfile_place place, const char *reason)
{
	size_t used = strlen(result);

	(void)arg;
	snprintf(result + used, sizeof(result) - used, "-@%zu%s %s; ", place.at,
		 place.is_line ? "" : "b", reason);
}

static int parse(const void *data, size_t len)
{
	const struct certfile_sink sink = {on_cert, on_problem, NULL};
	unsigned char *exact = malloc(len == 0 ? 1 : len); /* so that ASan sees one byte too far */
	int ret;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, data, len);
	result[0] = '\0';
	ret = certfile_parse(exact, len, &sink);
	free(exact);
	return ret;
}

static char *text;
static size_t text_len;

static FILE *open_text(void)
{
	FILE *out = open_memstream(&text, &text_len);

	ck_assert_ptr_nonnull(out);
	return out;
}

static void expect_text(FILE *out, const char *expected)
{
	fclose(out);
	ck_assert_int_eq(parse(text, text_len), 0);
	ck_assert_str_eq(result, expected);
	free(text);
}

static void write_cert(FILE *out, const char *label, unsigned id)
{
	unsigned char der[TINY_CERT];

	tiny_cert(id, der);
	pem_write(out, label, der, sizeof(der));
}

START_TEST(pem_with_text_and_line_numbers)
{
	FILE *out = open_text();

	fputs("subject=CN = Corp\n\n", out);
	write_cert(out, "CERTIFICATE", 1);
	fputs("# another\n", out);
	write_cert(out, "X509 CERTIFICATE", 2);
	expect_text(out, "+1@3 +2@7 ");
}
END_TEST

/* The endings of lines, and none at all as in a CI variable that lost them. */
static const char *const line_ends[] = {"\n", "\r\n", "\r", " "};

START_TEST(pem_with_any_line_ending)
{
	const char *end = line_ends[_i];
	char expected[32];
	FILE *out = open_text();

	fprintf(out, "\xef\xbb\xbf%s-----BEGIN CERTIFICATE-----%sMAkwADAA%sAwMAAAE=%s", end, end,
		end, end);
	fprintf(out, "-----END CERTIFICATE-----%s", end);
	snprintf(expected, sizeof(expected), "+1@%d ", strcmp(end, " ") == 0 ? 1 : 2);
	expect_text(out, expected);
}
END_TEST

START_TEST(pem_headers_are_passed_over)
{
	FILE *out = open_text();

	fputs("-----BEGIN CERTIFICATE-----\nComment: x\n\nMAkwADAAAwMAAAE=\n-----END "
	      "CERTIFICATE-----\n",
	      out);
	expect_text(out, "+1@1 ");
}
END_TEST

START_TEST(a_bad_block_costs_only_itself)
{
	FILE *out = open_text();

	write_cert(out, "CERTIFICATE", 1);
	fputs("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", out);
	fputs("-----BEGIN CERTIFICATE-----\nMAkwADAA\n", out);
	write_cert(out, "CERTIFICATE", 2);
	fputs("-----BEGIN CERTIFICATE-----\nMAkwADAA\n-----END CERTIFICATE-----\n", out);
	fputs("-----BEGIN CERTIFICATE-----\nMAkwADAA", out);
	expect_text(out, "+1@1 -@4 broken base64; -@7 a block without its END line; +2@9 "
			 "-@12 broken certificate; -@15 a block without its END line; ");
}
END_TEST

START_TEST(end_line_of_another_kind)
{
	FILE *out = open_text();

	fputs("-----BEGIN CERTIFICATE-----\nMAkwADAAAwMAAAE=\n-----END X509 CRL-----\n", out);
	expect_text(out, "-@1 a block without its END line; ");
}
END_TEST

static const char *const bad_base64[] = {
	"MAkwADAAAwMAAAE",     "MAkwADAAAwMAAAE==", "MAkwADAAAwMAAAE=A", "MAk=ADAAAwMAAAE=", "=",
	"MAkwADAAAwMAAAE\x80",
};

START_TEST(base64_is_strict)
{
	FILE *out = open_text();

	fprintf(out, "-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n",
		bad_base64[_i]);
	expect_text(out, "-@1 broken base64; ");
}
END_TEST

START_TEST(private_keys_are_reported_and_ignored)
{
	FILE *out = open_text();

	fputs("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n", out);
	write_cert(out, "CERTIFICATE", 1);
	expect_text(out, "-@1 a private key, ignored: it does not belong here, so move it to "
			 "another place; +1@4 ");
}
END_TEST

START_TEST(other_blocks_are_nothing_to_speak_of)
{
	FILE *out = open_text();

	fputs("-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n", out);
	write_cert(out, "CERTIFICATE", 1);
	expect_text(out, "+1@4 ");
	out = open_text();
	fputs("-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n", out);
	expect_text(out, "-@1 no certificate in it; ");
}
END_TEST

START_TEST(a_request_is_named_if_there_is_no_certificate)
{
	static const char request[] = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n"
				      "-----END CERTIFICATE REQUEST-----\n";
	FILE *out = open_text();

	fputs(request, out);
	write_cert(out, "CERTIFICATE", 1);
	expect_text(out, "+1@4 ");
	out = open_text();
	fputs(request, out);
	expect_text(out, "-@1 a certificate request, not a certificate; ");
}
END_TEST

#define CRL "a revocation list, ignored: catrust uses no revocation lists, so remove it; "

START_TEST(revocation_lists_are_reported_and_ignored)
{
	/* With a version, and without. */
	static const unsigned char der[2][22] = {
		{0x30, 20, 0x30, 11,  0x02, 1, 1, 0x30, 0, 0x30, 0,
		 0x17, 2,  '2',	 '6', 0x30, 0, 3, 3,	0, 0,	 0},
		{0x30, 17, 0x30, 8, 0x30, 0, 0x30, 0, 0x18, 2, '2', '6', 0x30, 0, 3, 3, 0, 0, 0},
	};
	FILE *out = open_text();

	fputs("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", out);
	write_cert(out, "CERTIFICATE", 1);
	expect_text(out, "-@1 " CRL "+1@4 ");
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(parse(der[i], 2U + der[i][1]), 0);
		ck_assert_str_eq(result, "-@0b " CRL);
	}
}
END_TEST

/* What people put there in place of certificates, and what makes some of it. */
static const struct {
	struct {
		const char *bytes;
		size_t len;
	} file;
	const char *said;
} others[] = {
#define OTHER(bytes, said)                                                                         \
	{                                                                                          \
		{bytes, sizeof(bytes) - 1}, said                                                   \
	}
#define UTF16 "-@0b UTF-16 text, skipped; to convert it: iconv -f UTF-16 -t UTF-8 FILE >NEW.pem; "
#define JAVA                                                                                       \
	"-@0b a Java keystore, skipped; to convert it: keytool -list -rfc -keystore FILE "         \
	">NEW.pem; "
#define PKCS12                                                                                     \
	"-@0b a PKCS#12 keystore, skipped; to convert it: openssl pkcs12 -nokeys -in FILE -out "   \
	"NEW.pem; "
#define BASE64                                                                                     \
	"-@0b base64 without BEGIN and END lines, skipped; to convert it: base64 -di FILE "        \
	">NEW.der; "
	OTHER("\xff\xfe-\0-\0-\0-\0-\0B\0E\0G\0I\0N\0 \0", UTF16),
	OTHER("\xfe\xff\0-\0-\0-\0-\0-\0B\0E\0G\0I\0N\0 ", UTF16),
	OTHER("-\0-\0-\0-\0-\0B\0E\0G\0I\0N\0 \0", UTF16),
	OTHER("\xff\xfe", UTF16),
	OTHER("\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1", JAVA),
	OTHER("\xce\xce\xce\xce\0\0\0\2", JAVA),
	OTHER("\x30\x82\x01\x00\x02\x01\x03\x30\x82", PKCS12),
	OTHER("\x30\x80\x02\x01\x03\x30\x80\x06", PKCS12),
	OTHER("\x30\x05\x02\x01\x03\x30\x00", PKCS12),
	OTHER("\x30\x84\x00", "-@0b broken DER, or something other than a certificate; "),
	OTHER("\x30\xff", "-@0b broken DER, or something other than a certificate; "),
	OTHER("MIIBIjANBgkqhkiG9w0B\r\nAQEF+/==\r\n", BASE64),
	OTHER("\n MIIB", BASE64),
	OTHER("MIIB!", "-@0b not a certificate (neither PEM nor DER); "),
	OTHER("MINE", "-@0b not a certificate (neither PEM nor DER); "),
	OTHER("My notes", "-@0b not a certificate (neither PEM nor DER); "),
	OTHER("-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n",
	      "-@1 \\n instead of line breaks, skipped; to convert it: printf '%b' \"$(cat FILE)\" "
	      ">NEW.pem; "),
};

START_TEST(other_files_are_named)
{
	ck_assert_int_eq(parse(others[_i].file.bytes, others[_i].file.len), 0);
	ck_assert_str_eq(result, others[_i].said);
}
END_TEST

/* X509_CERT_AUX as openssl x509 -addtrust/-addreject writes it. */
#define SERVER_AUTH "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"
#define EMAIL "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x04"
#define ANY "\x06\x04\x55\x1d\x25\x00"

#define AUX(bytes)                                                                                 \
	{                                                                                          \
		bytes, sizeof(bytes) - 1                                                           \
	}
static const struct {
	struct {
		const char *bytes;
		size_t len;
	} aux;
	bool trusted;
} auxes[] = {
	{AUX(""), true},
	{AUX("\x30\x00"), true},
	{AUX("\x30\x0c\x30\x0a" SERVER_AUTH), true},
	{AUX("\x30\x16\x30\x14" EMAIL SERVER_AUTH), true},
	{AUX("\x30\x08\x30\x06" ANY), true},
	{AUX("\x30\x0c\x30\x0a" EMAIL), false},
	{AUX("\x30\x02\x30\x00"), false},
	{AUX("\x30\x0c\xa0\x0a" SERVER_AUTH), false},
	{AUX("\x30\x08\xa0\x06" ANY), false},
	{AUX("\x30\x0c\xa0\x0a" EMAIL), true},
	{AUX("\x30\x18\x30\x0a" SERVER_AUTH "\xa0\x0a" SERVER_AUTH), false},
	{AUX("\x30\x0c\x30\x0a"), false},
	{AUX("junk"), false},
};

START_TEST(trust_settings_are_obeyed)
{
	unsigned char der[64];
	FILE *out = open_text();

	tiny_cert(7, der);
	memcpy(der + TINY_CERT, auxes[_i].aux.bytes, auxes[_i].aux.len);
	pem_write(out, "TRUSTED CERTIFICATE", der, TINY_CERT + auxes[_i].aux.len);
	expect_text(out, auxes[_i].trusted
				 ? "+7@1 "
				 : "-@1 its trust settings exclude TLS servers, skipped; ");
}
END_TEST

static void expect_der(const void *data, size_t len, const char *expected)
{
	ck_assert_int_eq(parse(data, len), 0);
	ck_assert_str_eq(result, expected);
}

START_TEST(der_one_or_many)
{
	unsigned char der[3 * TINY_CERT + 8] = {0};

	tiny_cert(1, der);
	tiny_cert(2, der + TINY_CERT);
	expect_der(der, TINY_CERT, "+1@0b ");
	expect_der(der, 2 * TINY_CERT, "+1@0b +2@11b ");
	expect_der(der, 2 * TINY_CERT + 3, "+1@0b +2@11b ");
	memcpy(der + TINY_CERT, "trailing", 8);
	expect_der(der, TINY_CERT + 8,
		   "+1@0b -@11b the data after the certificate is not a certificate, ignored; ");
}
END_TEST

START_TEST(der_cut_off_anywhere)
{
	unsigned char der[TINY_CERT];

	tiny_cert(1, der);
	for (size_t len = 1; len < TINY_CERT; len++)
		expect_der(der, len, "-@0b broken DER, or something other than a certificate; ");
}
END_TEST

#define SIGNED_DATA "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"

/* ContentInfo round what stands in the certificates field; all lengths fit one byte. */
static size_t pkcs7(unsigned char *out, const unsigned char *certs, size_t len)
{
	const unsigned char head[] = {0x30, (unsigned char)(11 + 2 + 2 + 7 + 2 + len)};
	const unsigned char body[] = {0xa0,
				      (unsigned char)(2 + 7 + 2 + len),
				      0x30,
				      (unsigned char)(7 + 2 + len),
				      0x02,
				      1,
				      1,
				      0x31,
				      0,
				      0x30,
				      0,
				      0xa0,
				      (unsigned char)len};

	memcpy(out, head, sizeof(head));
	memcpy(out + 2, SIGNED_DATA, 11);
	memcpy(out + 13, body, sizeof(body));
	memcpy(out + 13 + sizeof(body), certs, len);
	return 13 + sizeof(body) + len;
}

START_TEST(pkcs7_in_der_and_pem)
{
	static const char *const labels[] = {"PKCS7", "CMS", "PKCS #7 SIGNED DATA", "CERTIFICATE"};
	unsigned char certs[2 * TINY_CERT + 2], data[128];
	size_t len;

	tiny_cert(1, certs);
	memcpy(certs + TINY_CERT, "\xa1", 2); /* an attribute certificate, empty */
	tiny_cert(2, certs + TINY_CERT + 2);
	len = pkcs7(data, certs, sizeof(certs));
	expect_der(data, len, "+1@0b +2@0b ");
	for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++) {
		FILE *out = open_text();

		pem_write(out, labels[i], data, len);
		expect_text(out, "+1@1 +2@1 ");
	}
	for (size_t cut = 14; cut < len; cut++) {
		ck_assert_int_eq(parse(data, cut), 0);
		ck_assert_ptr_null(strchr(result, '+'));
	}
	len = pkcs7(data, certs, 0);
	expect_der(data, len, "-@0b a PKCS#7 file without certificates; ");
}
END_TEST

START_TEST(what_is_no_certificate_file)
{
	expect_der("", 0, "-@0b the file is empty; ");
	expect_der("hello\n", 6, "-@0b not a certificate (neither PEM nor DER); ");
	expect_der("-----BEGIN \n", 12, "-@1 no certificate in it; ");
	expect_der("\x30\x80\x00\x00", 4,
		   "-@0b broken DER, or something other than a certificate; ");
	expect_der("\x30\x84\xff\xff\xff\xff", 6,
		   "-@0b broken DER, or something other than a certificate; ");
}
END_TEST

static size_t taken;

static bool count_cert(void *arg, const unsigned char *der, size_t len, struct certfile_place place)
{
	(void)arg;
	(void)der;
	(void)len;
	(void)place;
	taken++;
	return true;
}

START_TEST(the_bound_on_certificates)
{
	unsigned char *der = malloc((CERTFILE_MAX_CERTS + 1) * TINY_CERT);
	const struct certfile_sink sink = {count_cert, on_problem, NULL};

	ck_assert_ptr_nonnull(der);
	for (unsigned i = 0; i <= CERTFILE_MAX_CERTS; i++)
		tiny_cert(i, der + i * TINY_CERT);
	taken = 0;
	ck_assert_int_eq(certfile_parse(der, CERTFILE_MAX_CERTS * TINY_CERT, &sink), 0);
	ck_assert_uint_eq(taken, CERTFILE_MAX_CERTS);
	ck_assert_int_eq(certfile_parse(der, (CERTFILE_MAX_CERTS + 1) * TINY_CERT, &sink), -E2BIG);
	free(der);
}
END_TEST

START_TEST(the_sink_runs_out_of_memory)
{
	const struct certfile_sink sink = {on_cert, on_problem, result /* not NULL: says no */};
	unsigned char der[2 * TINY_CERT];

	tiny_cert(1, der);
	tiny_cert(2, der + TINY_CERT);
	result[0] = '\0';
	ck_assert_int_eq(certfile_parse(der, sizeof(der), &sink), -ENOMEM);
	ck_assert_str_eq(result, "+1@0b ");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("certfile");
	TCase *tc = tcase_create("certfile");

	tcase_add_test(tc, pem_with_text_and_line_numbers);
	tcase_add_loop_test(tc, pem_with_any_line_ending, 0, 4);
	tcase_add_test(tc, pem_headers_are_passed_over);
	tcase_add_test(tc, a_bad_block_costs_only_itself);
	tcase_add_test(tc, end_line_of_another_kind);
	tcase_add_loop_test(tc, base64_is_strict, 0,
			    (int)(sizeof(bad_base64) / sizeof(*bad_base64)));
	tcase_add_test(tc, private_keys_are_reported_and_ignored);
	tcase_add_test(tc, other_blocks_are_nothing_to_speak_of);
	tcase_add_test(tc, a_request_is_named_if_there_is_no_certificate);
	tcase_add_test(tc, revocation_lists_are_reported_and_ignored);
	tcase_add_loop_test(tc, other_files_are_named, 0, (int)(sizeof(others) / sizeof(*others)));
	tcase_add_loop_test(tc, trust_settings_are_obeyed, 0,
			    (int)(sizeof(auxes) / sizeof(*auxes)));
	tcase_add_test(tc, der_one_or_many);
	tcase_add_test(tc, der_cut_off_anywhere);
	tcase_add_test(tc, pkcs7_in_der_and_pem);
	tcase_add_test(tc, what_is_no_certificate_file);
	tcase_add_test(tc, the_bound_on_certificates);
	tcase_add_test(tc, the_sink_runs_out_of_memory);
	suite_add_tcase(suite, tc);
	return fixture_run(suite);
}
