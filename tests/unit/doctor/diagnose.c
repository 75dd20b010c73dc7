/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about failures, as tables; the words are compared with real Pythons in e2e. */
#include "doctor/diagnose.h"
#include "base/quote.h"
#include "cli/command.h"
#include "doctor/interpreter.h"
#include "doctor/python_words.h"
#include "doctor/remedy.h"
#include "doctor/tls_failure.h"
#include "verify/verify.h"

#include "certs/make.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>

/* The table of CHAINS: does adding a CA help, and does CATRUST_STRICT=relax forgive it? */
static const struct {
	int code, depth;
	bool ca_helps, relax;
} codes[] = {
	{X509_V_ERR_CERT_HAS_EXPIRED, 0, false, false},
	{X509_V_ERR_CERT_HAS_EXPIRED, 1, true, false},
	{X509_V_ERR_CERT_NOT_YET_VALID, 0, false, false},
	{X509_V_ERR_CERT_NOT_YET_VALID, 2, true, false},
	{X509_V_ERR_CERT_SIGNATURE_FAILURE, 0, true, false},
	{X509_V_ERR_HOSTNAME_MISMATCH, 0, false, false},
	{X509_V_ERR_IP_ADDRESS_MISMATCH, 0, false, false},
	{X509_V_ERR_EE_KEY_TOO_SMALL, 0, false, false},
	{X509_V_ERR_CA_KEY_TOO_SMALL, 1, false, false},
	{X509_V_ERR_CA_MD_TOO_WEAK, 1, false, false},
	{X509_V_ERR_INVALID_CA, 1, false, false},
	{X509_V_ERR_PATH_LENGTH_EXCEEDED, 2, false, false},
	{X509_V_ERR_INVALID_PURPOSE, 0, false, false},
	{X509_V_ERR_INVALID_PURPOSE, 1, false, false},
	{X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, 0, false, false},
	{X509_V_ERR_PERMITTED_VIOLATION, 0, false, false},
	{X509_V_ERR_EXCLUDED_VIOLATION, 0, false, false},
	{X509_V_ERR_EC_KEY_EXPLICIT_PARAMS, 1, false, false},
	{X509_V_ERR_UNABLE_TO_GET_CRL, 0, false, false},
	{X509_V_ERR_CERT_REVOKED, 0, false, false},
	{X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA, 0, false, true},
	{X509_V_ERR_PATHLEN_WITHOUT_KU_KEY_CERT_SIGN, 1, false, true},
	{X509_V_ERR_KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA, 0, false, false},
	{X509_V_ERR_ISSUER_NAME_EMPTY, 0, false, false},
	{X509_V_ERR_SUBJECT_NAME_EMPTY, 1, false, false},
	{X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER, 0, false, true},
	{X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER, 1, false, true},
	{X509_V_ERR_EMPTY_SUBJECT_ALT_NAME, 0, false, false},
	{X509_V_ERR_EMPTY_SUBJECT_SAN_NOT_CRITICAL, 0, false, true},
	{X509_V_ERR_CA_BCONS_NOT_CRITICAL, 1, false, true},
	{X509_V_ERR_AUTHORITY_KEY_IDENTIFIER_CRITICAL, 1, false, true},
	{X509_V_ERR_SUBJECT_KEY_IDENTIFIER_CRITICAL, 1, false, true},
	{X509_V_ERR_CA_CERT_MISSING_KEY_USAGE, 1, false, true},
};

START_TEST(test_codes)
{
	const struct diagnosis *unknown = diagnose_code(9999, 0, GAP_NONE);
	const struct diagnosis *d = diagnose_code(codes[_i].code, codes[_i].depth, GAP_NONE);

	ck_assert_ptr_ne(d, unknown);
	ck_assert_int_eq(d->ca_helps, codes[_i].ca_helps);
	ck_assert_int_eq(d->relax, codes[_i].relax);
	ck_assert_uint_gt(strlen(d->cause), 0);
	ck_assert_uint_gt(strlen(d->fix), 0);
	ck_assert(!diagnose_is_gap(codes[_i].code));
}
END_TEST

static const struct {
	struct diagnose_gap_facts facts;
	enum diagnose_gap gap;
} gaps[] = {
	{{.code = 19, .root_found = true}, GAP_UNKNOWN_ROOT},
	{{.code = 20, .root_found = true}, GAP_UNKNOWN_ROOT},
	{{.code = 20, .root_found = true, .ca_unsent = true}, GAP_UNKNOWN_ROOT},
	{{.code = 20}, GAP_UNKNOWN_ISSUER},
	{{.code = 20, .ca_unsent = true}, GAP_UNKNOWN_ISSUER},
	{{.code = 20, .root_trusted = true, .ca_unsent = true}, GAP_MISSING_INTERMEDIATE},
	{{.code = 20, .root_trusted = true, .ca_unsent = true, .namesake_sent = true},
	 GAP_WRONG_INTERMEDIATE},
	{{.code = 19, .root_found = true, .namesake_trusted = true}, GAP_REKEYED_ROOT},
	{{.code = 7, .namesake_trusted = true}, GAP_REKEYED_ROOT},
	{{.code = 7}, GAP_NONE},
	{{.code = 18, .self_signed = true}, GAP_SELF_SIGNED},
	{{.code = 2}, GAP_INTERMEDIATE_ONLY},
	{{.code = 10, .self_signed = true}, GAP_NONE},
	{{.code = 62, .root_found = true}, GAP_NONE},
};

START_TEST(test_gaps)
{
	ck_assert_int_eq(diagnose_gap(&gaps[_i].facts), gaps[_i].gap);
	if (gaps[_i].gap != GAP_NONE)
		ck_assert(diagnose_code(gaps[_i].facts.code, 0, gaps[_i].gap)->ca_helps);
}
END_TEST

static const struct {
	int code, openssl;
	const char *words;
} wordings[] = {
	{19, 0, "self-signed certificate in certificate chain"},
	{19, PYTHON_OPENSSL(3, 5), "self-signed certificate in certificate chain"},
	{19, PYTHON_OPENSSL(1, 1), "self signed certificate in certificate chain"},
	{18, PYTHON_OPENSSL(1, 1), "self signed certificate"},
	{26, PYTHON_OPENSSL(1, 1), "unsupported certificate purpose"},
	{26, PYTHON_OPENSSL(3, 0), "unsuitable certificate purpose"},
	{9, PYTHON_OPENSSL(3, 5), "certificate is not yet valid"},
	{9, PYTHON_OPENSSL(3, 6), "certificate is not yet valid or the system clock is incorrect"},
	{20, PYTHON_OPENSSL(1, 1), "unable to get local issuer certificate"},
	{62, 0, "Hostname mismatch, certificate is not valid for 'a.example'."},
	{64, 0, "IP address mismatch, certificate is not valid for 'a.example'."},
};

START_TEST(test_words)
{
	char buf[PYTHON_TEXT], text[PYTHON_TEXT];
	char *words = python_words(wordings[_i].code, "a.example", wordings[_i].openssl, buf);

	ck_assert_str_eq(words, wordings[_i].words);
	python_verify_text(wordings[_i].code, "a.example", wordings[_i].openssl, text);
	ck_assert_str_eq(strstr(text, "failed: ") + strlen("failed: "), words);
	ck_assert_int_eq(
		strncmp(text, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: ", 60),
		0);
}
END_TEST

#define SSL_ERROR(reason) ERR_PACK(ERR_LIB_SSL, 0, reason)

static const struct {
	struct handshake_facts facts;
	enum tls_failure problem;
	const char *text, *exception;
} tls[] = {
	{{.first_len = 0}, TLS_FINE, "", "ssl.SSLError"},
	{{.error = SSL_ERROR(SSL_R_WRONG_VERSION_NUMBER)},
	 TLS_PLAIN_TEXT,
	 "[SSL: WRONG_VERSION_NUMBER] wrong version number",
	 "ssl.SSLError"},
	{{.error = SSL_ERROR(SSL_R_TLSV1_ALERT_PROTOCOL_VERSION)},
	 TLS_OLD_PROTOCOL,
	 "[SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert protocol version",
	 "ssl.SSLError"},
	{{.error = SSL_ERROR(SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE)},
	 TLS_NO_COMMON_CIPHER,
	 NULL,
	 "ssl.SSLError"},
	{{.error = SSL_ERROR(SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE), .asked = true},
	 TLS_CLIENT_CERTIFICATE_WANTED,
	 NULL,
	 "ssl.SSLError"},
	{{.error = SSL_ERROR(SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED), .asked = true},
	 TLS_CLIENT_CERTIFICATE_WANTED,
	 "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required",
	 "ssl.SSLError"},
	{{.error = SSL_ERROR(SSL_R_TLSV1_ALERT_UNKNOWN_CA), .asked = true, .given = true},
	 TLS_CLIENT_CERTIFICATE_REFUSED,
	 "[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca",
	 "ssl.SSLError"},
	{{.error = SSL_ERROR(SSL_R_TLSV1_ALERT_UNKNOWN_CA)}, TLS_OTHER, NULL, "ssl.SSLError"},
	{{.error = SSL_ERROR(SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED)},
	 TLS_LEGACY_RENEGOTIATION,
	 "[SSL: UNSAFE_LEGACY_RENEGOTIATION_DISABLED] unsafe legacy renegotiation disabled",
	 "ssl.SSLError"},
	{{.error = SSL_ERROR(SSL_R_DH_KEY_TOO_SMALL)},
	 TLS_WEAK_KEY_EXCHANGE,
	 "[SSL: DH_KEY_TOO_SMALL] dh key too small",
	 "ssl.SSLError"},
	{{.error = SSL_ERROR(SSL_R_TLSV1_UNRECOGNIZED_NAME)},
	 TLS_UNKNOWN_NAME,
	 NULL,
	 "ssl.SSLError"},
	{{.os_error = ECONNRESET},
	 TLS_RESET,
	 "[Errno 104] Connection reset by peer",
	 "ConnectionResetError"},
	{{.os_error = EPIPE}, TLS_RESET, "[Errno 32] Broken pipe", "BrokenPipeError"},
	{{.eof = true},
	 TLS_CLOSED,
	 "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol",
	 "ssl.SSLEOFError"},
	{{.eof = true, .closed = true},
	 TLS_CLOSED,
	 "TLS/SSL connection has been closed (EOF)",
	 "ssl.SSLZeroReturnError"},
	{{.late = true}, TLS_LATE, "", "TimeoutError"},
};

START_TEST(test_tls)
{
	enum tls_failure problem = tls_failure_of(&tls[_i].facts);
	char text[PYTHON_TEXT];

	ck_assert_int_eq(problem, tls[_i].problem);
	python_tls_text(&tls[_i].facts, 0, text);
	if (tls[_i].text != NULL)
		ck_assert_str_eq(text, tls[_i].text);
	ck_assert_str_eq(python_tls_exception(&tls[_i].facts), tls[_i].exception);
	if (problem == TLS_FINE) {
		ck_assert_ptr_null(tls_failure_diagnosis(problem));
		return;
	}
	ck_assert(!tls_failure_diagnosis(problem)->ca_helps);
	ck_assert_ptr_nonnull(tls_failure_name(problem));
}
END_TEST

static const struct {
	struct handshake_facts facts;
	int openssl;
	const char *text;
} tls_words[] = {
	{{.error = SSL_ERROR(SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE)},
	 PYTHON_OPENSSL(3, 5),
	 "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] ssl/tls alert handshake failure"},
	{{.error = SSL_ERROR(SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE)},
	 PYTHON_OPENSSL(3, 0),
	 "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure"},
	{{.error = SSL_ERROR(SSL_R_TLSV1_ALERT_UNKNOWN_CA)},
	 PYTHON_OPENSSL(3, 5),
	 "[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca"},
	{{.eof = true}, PYTHON_OPENSSL(1, 1), "EOF occurred in violation of protocol"},
};

START_TEST(test_tls_words)
{
	char text[PYTHON_TEXT];

	ck_assert_str_eq(python_tls_text(&tls_words[_i].facts, tls_words[_i].openssl, text),
			 tls_words[_i].text);
}
END_TEST

static const struct {
	const char *bytes;
	size_t len;
	const char *says; /* NULL: nothing known */
} plain[] = {
	{"HTTP/1.1", 8, "http://"},
	{"220 m", 5, "smtp"},
	{"* OK ", 5, "imap"},
	{"+OK P", 5, "pop3"},
	{"SSH-2", 5, "SSH"},
	{"J\0\0\0\nx", 6, "mysql"},
	{"\x16\x03\x03\x00\x41", 5, NULL},
	{"HTT", 3, NULL},
	{"", 0, NULL},
};

START_TEST(test_plain_text)
{
	const char *says =
		tls_failure_plain_text((const unsigned char *)plain[_i].bytes, plain[_i].len);

	if (plain[_i].says == NULL)
		ck_assert_ptr_null(says);
	else
		ck_assert_ptr_nonnull(strstr(says, plain[_i].says));
}
END_TEST

static const struct {
	int os_error;
	unsigned long error;
	const char *exception, *text, *says;
} bundles[] = {
	{ENOENT, 0, "FileNotFoundError", NULL, "can't be read"},
	{EACCES, 0, "PermissionError", NULL, "can't be read"},
	{EISDIR, 0, "IsADirectoryError", NULL, "can't be read"},
	{EIO, 0, "OSError", NULL, "can't be read"},
	{0, ERR_PACK(ERR_LIB_X509, 0, X509_R_NO_CERTIFICATE_OR_CRL_FOUND), NULL,
	 "[X509: NO_CERTIFICATE_OR_CRL_FOUND] no certificate or crl found", "no certificate"},
	{0, ERR_PACK(ERR_LIB_X509, 0, ERR_R_PEM_LIB), NULL, "[X509] PEM lib", "damaged"},
};

START_TEST(test_bundles)
{
	char text[PYTHON_TEXT];

	ck_assert_ptr_nonnull(strstr(
		diagnose_bundle(bundles[_i].os_error, bundles[_i].error)->cause, bundles[_i].says));
	if (bundles[_i].exception != NULL)
		ck_assert_str_eq(python_os_exception(bundles[_i].os_error), bundles[_i].exception);
	if (bundles[_i].text != NULL)
		ck_assert_str_eq(python_error_text(bundles[_i].error, text), bundles[_i].text);
}
END_TEST

/* No plan is possible, and nothing is but for a CA. */
#define NO_PLAN .plan = {-1, -1, -1}, .plan_relaxed = {-1, -1, -1}

static const struct {
	struct remedy_facts facts;
	enum remedy_kind kind;
	bool relax;
	int status;
} remedies[] = {
	{{.clients = 2, .plain = 2, .here = 2, NO_PLAN}, REMEDY_NOTHING, false, STATUS_DONE},
	{{.clients = 2, .plain = 0, .here = 2, NO_PLAN}, REMEDY_RUN, false, STATUS_DONE},
	{{.clients = 2, .plan = {2, 2, -1}, .plan_relaxed = {2, 2, -1}},
	 REMEDY_FETCH,
	 false,
	 STATUS_NO},
	{{.clients = 2, .plan = {1, 2, -1}, .plan_relaxed = {2, 2, -1}},
	 REMEDY_WITH_INTERMEDIATE,
	 false,
	 STATUS_NO},
	{{.clients = 2, .plan = {1, 1, -1}, .plan_relaxed = {2, 2, -1}},
	 REMEDY_FETCH,
	 true,
	 STATUS_NO},
	{{.clients = 2, .plan = {1, 1, -1}, .plan_relaxed = {1, 1, -1}},
	 REMEDY_FETCH,
	 false,
	 STATUS_NO},
	{{.clients = 2, .plan = {-1, -1, 2}, .plan_relaxed = {-1, -1, 2}},
	 REMEDY_PIN,
	 false,
	 STATUS_NO},
	{{.clients = 2,
	  .here = 1,
	  .here_relaxed = 2,
	  .plan = {1, 1, -1},
	  .plan_relaxed = {2, 2, -1}},
	 REMEDY_RELAX,
	 true,
	 STATUS_NO_HELP},
	{{.clients = 2,
	  .plain = 1,
	  .here = 1,
	  .here_relaxed = 1,
	  .plan = {1, 1, -1},
	  .plan_relaxed = {2, 2, -1}},
	 REMEDY_FETCH,
	 true,
	 STATUS_NO},
	{{.clients = 2, .but_for_ca = 2, NO_PLAN}, REMEDY_ADD, false, STATUS_NO},
	{{.clients = 2, .but_for_ca = 2, .is_public = true, NO_PLAN},
	 REMEDY_BUNDLE,
	 false,
	 STATUS_NO_HELP},
	{{.clients = 2, .plan = {0, 0, -1}, .plan_relaxed = {0, 0, -1}},
	 REMEDY_NONE,
	 false,
	 STATUS_NO_HELP},
	{{.clients = 2, .plain = 1, .here = 1, .but_for_ca = 1, NO_PLAN},
	 REMEDY_NONE,
	 false,
	 STATUS_NO_HELP},
};

START_TEST(test_remedies)
{
	struct remedy remedy = remedy_choose(&remedies[_i].facts);

	ck_assert_int_eq(remedy.kind, remedies[_i].kind);
	ck_assert_int_eq(remedy.relax, remedies[_i].relax);
	ck_assert_int_eq(remedy_status(&remedy, false), remedies[_i].status);
	ck_assert_int_eq(remedy_status(&remedy, true), STATUS_NO_HELP);
}
END_TEST

static const struct {
	const char *word, *quoted;
} words[] = {
	{"https://a.example:8443/", "https://a.example:8443/"},
	{"", "''"},
	{"a b", "'a b'"},
	{"it's", "'it'\\''s'"},
	{"$(rm -r x)", "'$(rm -r x)'"},
	{"~/x", "'~/x'"},
	{"[::1]:443", "'[::1]:443'"},
	{"a\nb", "$'a\\012b'"},
	{"\x1b[2J'", "$'\\033[2J\\047'"},
};

START_TEST(test_quote)
{
	struct quote q = {.len = 0};
	char expected[128];

	quote_plain(&q, "catrust fetch");
	quote_word(&q, words[_i].word);
	snprintf(expected, sizeof(expected), "catrust fetch %s", words[_i].quoted);
	ck_assert_str_eq(q.text, expected);
	ck_assert(!q.full);
}
END_TEST

START_TEST(test_quote_is_bounded)
{
	struct quote q = {.len = 0};
	char *word = malloc(QUOTE_MAX);

	ck_assert_ptr_nonnull(word);
	memset(word, '\'', QUOTE_MAX - 1);
	word[QUOTE_MAX - 1] = '\0';
	quote_word(&q, word);
	ck_assert(q.full);
	ck_assert_uint_lt(q.len, QUOTE_MAX);
	ck_assert_uint_eq(strlen(q.text), q.len);
	free(word);
}
END_TEST

/* Of an interpreter's answer: what comes before the mark is not its own. */
#define MARK "noise\ncatrust-interpreter\0"
#define SSL_PART                                                                                   \
	"version\0003.13.1\0openssl\0OpenSSL 3.5.1\0openssl.major\0003\0openssl.minor\0005\0"      \
	"ssl.file\0/x\0ssl.dir\0/y\0ssl.flags\000557088\0ssl.level\0002\0"

START_TEST(test_interpreter)
{
	static const char answer[] =
		MARK SSL_PART "options\000-2107088816\0minimum\000771\0requests.file\0/"
			      "z\0requests.flags\00032768\0"
			      "requests.cn\0000\0certifi.file\0/c";
	struct interpreter *i = malloc(sizeof(*i));

	ck_assert_ptr_nonnull(i);
	ck_assert_int_eq(interpreter_read(answer, sizeof(answer), i), 0);
	ck_assert_str_eq(i->version, "3.13.1");
	ck_assert_int_eq(i->openssl_version, PYTHON_OPENSSL(3, 5));
	ck_assert_int_eq(i->minimum, 771);
	ck_assert(i->has[INTERPRETER_SSL] && i->has[INTERPRETER_REQUESTS]);
	ck_assert(!i->has[INTERPRETER_CERTIFI]); /* its import did not end well */
	ck_assert_str_eq(i->client[INTERPRETER_SSL].dir, "/y");
	ck_assert_uint_eq(i->client[INTERPRETER_SSL].flags, 557088);
	ck_assert(i->client[INTERPRETER_SSL].common_name);
	ck_assert(!i->client[INTERPRETER_REQUESTS].common_name);
	ck_assert_int_eq(i->client[INTERPRETER_REQUESTS].level, -1);
	/* Cut off anywhere, it is no answer, or a shorter one. */
	for (size_t len = 0; len < sizeof(MARK) + 8; len++)
		ck_assert_int_eq(interpreter_read(answer, len, i), -1);
	free(i);
}
END_TEST

static const struct {
	const char *text;
	size_t len;
} bad_answers[] = {
#define ANSWER(text)                                                                               \
	{                                                                                          \
		text, sizeof(text)                                                                 \
	}
	ANSWER(""),
	ANSWER("version\0003.13.1"),
	ANSWER(MARK),
	ANSWER(MARK "version\0003.13.1"),
	ANSWER(MARK SSL_PART "minimum\000x"),
	ANSWER(MARK SSL_PART "minimum\00099999999999999999999"),
	ANSWER(MARK SSL_PART "ssl.flags\000-1"),
	ANSWER(MARK SSL_PART "version\000"
			     "0123456789012345678901234567890123456789"),
	{MARK SSL_PART "name without a value", sizeof(MARK SSL_PART) + 19},
};

START_TEST(test_bad_answers)
{
	struct interpreter *i = malloc(sizeof(*i));

	ck_assert_ptr_nonnull(i);
	ck_assert_int_eq(interpreter_read(bad_answers[_i].text, bad_answers[_i].len, i), -1);
	free(i);
}
END_TEST

/* All errors, and not just the first. */
START_TEST(test_judge_goes_on)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	X509 *root = cert_new(&(struct cert_spec){.name = "root", .key = ca_key});
	X509 *leaf = cert_new(&(struct cert_spec){.name = "leaf",
						  .issuer = "root",
						  .key = key,
						  .signer = ca_key,
						  .from_days = -20,
						  .to_days = -10,
						  .constraints = "CA:FALSE",
						  .usage = "digitalSignature"});
	STACK_OF(X509) *sent = sk_X509_new_null(), *trusted = sk_X509_new_null();
	struct verify_store store = {.certs = NULL};
	struct verify_anchors anchors = {.more = NULL};
	struct verify_how how = {
		.flags = X509_V_FLAG_TRUSTED_FIRST, .level = 2, .common_name = true};
	struct verify_result j = {.count = 0};
	struct target host;

	ck_assert_ptr_null(target_parse("other.example", &host));
	sk_X509_push(sent, leaf);
	ck_assert_int_eq(verify_chain(&store, &anchors, sent, &host, &how, &j), 0);
	ck_assert_uint_ge(j.count, 3);
	ck_assert_int_eq(j.error[0].code, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
	verify_result_clear(&j);
	/* With the root, by what libcatrust.so would add: date and name are left. */
	sk_X509_push(trusted, root);
	anchors.more = trusted;
	ck_assert_int_eq(verify_chain(&store, &anchors, sent, &host, &how, &j), 0);
	ck_assert_uint_eq(j.count, 2);
	ck_assert_int_eq(j.error[0].code, X509_V_ERR_HOSTNAME_MISMATCH);
	ck_assert_int_eq(j.error[1].code, X509_V_ERR_CERT_HAS_EXPIRED);
	verify_result_clear(&j);
	/* By its name, strict: the leaf has no AKI, which relax forgives. */
	ck_assert_ptr_null(target_parse("leaf", &host));
	how.flags |= X509_V_FLAG_X509_STRICT | X509_V_FLAG_NO_CHECK_TIME;
	ck_assert_int_eq(verify_chain(&store, &anchors, sent, &host, &how, &j), 0);
	ck_assert_uint_ge(j.count, 1);
	ck_assert_int_eq(j.error[0].code, X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER);
	verify_result_clear(&j);
	how.relax = true;
	ck_assert_int_eq(verify_chain(&store, &anchors, sent, &host, &how, &j), 0);
	ck_assert_uint_eq(j.count, 0);
	verify_result_clear(&j);
	/* A name in the subject alone is none for everybody. */
	how.common_name = false;
	ck_assert_int_eq(verify_chain(&store, &anchors, sent, &host, &how, &j), 0);
	ck_assert_int_eq(j.error[0].code, X509_V_ERR_HOSTNAME_MISMATCH);
	verify_result_clear(&j);
	sk_X509_free(sent);
	sk_X509_free(trusted);
	X509_free(root);
	X509_free(leaf);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

int main(void)
{
	Suite *suite = suite_create("diagnose");
	TCase *tests = tcase_create("diagnose");
	SRunner *runner;
	int failed;

	/* OpenSSL's words, which it otherwise loads with its first context. */
	if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
			     NULL) != 1)
		return EXIT_FAILURE;
	tcase_add_loop_test(tests, test_codes, 0, COUNT(codes));
	tcase_add_loop_test(tests, test_gaps, 0, COUNT(gaps));
	tcase_add_loop_test(tests, test_words, 0, COUNT(wordings));
	tcase_add_loop_test(tests, test_tls, 0, COUNT(tls));
	tcase_add_loop_test(tests, test_tls_words, 0, COUNT(tls_words));
	tcase_add_loop_test(tests, test_plain_text, 0, COUNT(plain));
	tcase_add_loop_test(tests, test_bundles, 0, COUNT(bundles));
	tcase_add_loop_test(tests, test_remedies, 0, COUNT(remedies));
	tcase_add_loop_test(tests, test_quote, 0, COUNT(words));
	tcase_add_test(tests, test_quote_is_bounded);
	tcase_add_test(tests, test_interpreter);
	tcase_add_loop_test(tests, test_bad_answers, 0, COUNT(bad_answers));
	tcase_add_test(tests, test_judge_goes_on);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
