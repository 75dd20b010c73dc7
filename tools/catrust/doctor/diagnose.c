/* SPDX-License-Identifier: Apache-2.0 */
#include "diagnose.h"

#include "command.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/sslerr.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

/* New in OpenSSL 4.0. */
enum { EMPTY_AUTHORITY_KEY_IDENTIFIER = 102, AKID_ISSUER_SERIAL_NOT_PAIRED = 103 };

enum where { ANYWHERE, SERVER, CA };

struct row {
	int code;
	enum where where;
	struct diagnosis diagnosis;
};

static const char reissue[] = "whoever runs the CA must issue it anew";
static const char form[] = "CATRUST_STRICT=relax forgives it where the chain ends at a CA in a "
			   "trust directory; better, whoever runs the CA issues it anew";

/* The first row that fits counts. */
static const struct row rows[] = {
	{X509_V_ERR_CERT_NOT_YET_VALID,
	 SERVER,
	 {"the server's certificate is not valid yet, or the clock of this machine is wrong",
	  "look at the clock first (date -u); otherwise wait, or have it issued anew", false,
	  false}},
	{X509_V_ERR_CERT_NOT_YET_VALID,
	 CA,
	 {"a CA's certificate is not valid yet, or the clock of this machine is wrong",
	  "look at the clock first (date -u); otherwise an older copy of the CA helps", true,
	  false}},
	{X509_V_ERR_CERT_HAS_EXPIRED,
	 SERVER,
	 {"the server's certificate has expired", "whoever runs the server must renew it", false,
	  false}},
	{X509_V_ERR_CERT_HAS_EXPIRED,
	 CA,
	 {"a CA's certificate has expired",
	  "a renewed copy of the CA helps: catrust add FILE, with the file from its administrator",
	  true, false}},
	{X509_V_ERR_CERT_SIGNATURE_FAILURE,
	 ANYWHERE,
	 {"a signature does not fit the key of the CA: a CA of the same name with another key is "
	  "trusted here, or the certificate is damaged",
	  "the CA's new certificate, in place of the old one", true, false}},
	{X509_V_ERR_HOSTNAME_MISMATCH,
	 ANYWHERE,
	 {"the certificate is for other names",
	  "connect by one of its names, or have it issued for this one as well", false, false}},
	{X509_V_ERR_IP_ADDRESS_MISMATCH,
	 ANYWHERE,
	 {"the certificate is not for this address",
	  "connect by one of its names, or have it issued for this address as well", false, false}},
	{X509_V_ERR_EE_KEY_TOO_SMALL,
	 ANYWHERE,
	 {"the key of the server's certificate is too weak",
	  "a new certificate, with RSA of 2048 bits or more, or EC", false, false}},
	{X509_V_ERR_CA_KEY_TOO_SMALL,
	 ANYWHERE,
	 {"the key of a CA is too weak", "a new CA, with RSA of 2048 bits or more, or EC", false,
	  false}},
	{X509_V_ERR_CA_MD_TOO_WEAK,
	 ANYWHERE,
	 {"a certificate below the root is signed with a weak digest (SHA-1 or MD5)",
	  "whoever runs the CA must issue it anew, with SHA-256 or better", false, false}},
	{X509_V_ERR_INVALID_CA,
	 ANYWHERE,
	 {"what signed is no CA: its basicConstraints or key usage do not allow it to, or it is of "
	  "X.509 version 1",
	  reissue, false, false}},
	{X509_V_ERR_PATH_LENGTH_EXCEEDED,
	 ANYWHERE,
	 {"a CA allows fewer CAs below it than there are (pathlen)", reissue, false, false}},
	{X509_V_ERR_INVALID_PURPOSE,
	 SERVER,
	 {"the certificate is not one for TLS servers (extended key usage)",
	  "a certificate for serverAuth", false, false}},
	{X509_V_ERR_INVALID_PURPOSE,
	 CA,
	 {"a CA's extended key usage does not allow it to vouch for TLS servers", reissue, false,
	  false}},
	{X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION,
	 ANYWHERE,
	 {"it has a critical extension that OpenSSL does not know", reissue, false, false}},
	{X509_V_ERR_PERMITTED_VIOLATION,
	 ANYWHERE,
	 {"a CA may not vouch for a name in the certificate: it is none of those permitted to it "
	  "(name constraints, or its scope in the trust directory)",
	  "a certificate for names that the CA may vouch for; a scope: see catrust list", false,
	  false}},
	{X509_V_ERR_EXCLUDED_VIOLATION,
	 ANYWHERE,
	 {"a CA may not vouch for a name in the certificate: its name constraints exclude it",
	  "a certificate for names that the CA may vouch for", false, false}},
	{X509_V_ERR_EC_KEY_EXPLICIT_PARAMS,
	 ANYWHERE,
	 {"its EC key has explicit parameters in place of a named curve", reissue, false, false}},
	{X509_V_ERR_UNABLE_TO_GET_CRL,
	 ANYWHERE,
	 {"the program checks for revocation, and has no revocation list",
	  "give it the CA's list (CRL), or let it not check", false, false}},
	{X509_V_ERR_CERT_REVOKED,
	 ANYWHERE,
	 {"the certificate is revoked", "whoever runs the server must get a new one", false,
	  false}},
	{X509_V_ERR_CERT_REJECTED,
	 ANYWHERE,
	 {"the store has this CA as one that must not vouch for TLS servers",
	  "ask whoever distrusted it; see openssl x509 -trustout", false, false}},
	{X509_V_ERR_CERT_CHAIN_TOO_LONG,
	 ANYWHERE,
	 {"the chain is too long", "whoever runs the server must send less", false, false}},
	{X509_V_ERR_SUBTREE_MINMAX,
	 ANYWHERE,
	 {"a CA's name constraints are not of a form that OpenSSL knows", reissue, false, false}},
	{X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE,
	 ANYWHERE,
	 {"a CA's name constraints are of a kind that OpenSSL does not know", reissue, false,
	  false}},
	{X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER,
	 ANYWHERE,
	 {"it does not say which key signed it (authority key identifier)", form, false, true}},
	{X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER,
	 ANYWHERE,
	 {"a CA does not name its key (subject key identifier)", form, false, true}},
	{X509_V_ERR_CA_BCONS_NOT_CRITICAL,
	 ANYWHERE,
	 {"a CA's basicConstraints are not marked critical", form, false, true}},
	{X509_V_ERR_CA_CERT_MISSING_KEY_USAGE,
	 ANYWHERE,
	 {"a CA has no key usage", form, false, true}},
	{X509_V_ERR_PATHLEN_WITHOUT_KU_KEY_CERT_SIGN,
	 ANYWHERE,
	 {"a CA has a path length, and no key usage that lets it sign", form, false, true}},
	{X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA,
	 ANYWHERE,
	 {"it has a path length, and is no CA", form, false, true}},
	{X509_V_ERR_EMPTY_SUBJECT_SAN_NOT_CRITICAL,
	 ANYWHERE,
	 {"its subject is empty, and its subjectAltName not marked critical", form, false, true}},
	{X509_V_ERR_AUTHORITY_KEY_IDENTIFIER_CRITICAL,
	 ANYWHERE,
	 {"its authority key identifier is marked critical", form, false, true}},
	{X509_V_ERR_SUBJECT_KEY_IDENTIFIER_CRITICAL,
	 ANYWHERE,
	 {"its subject key identifier is marked critical", form, false, true}},
	{X509_V_ERR_EXTENSIONS_REQUIRE_VERSION_3,
	 ANYWHERE,
	 {"it has extensions, and is not of X.509 version 3", form, false, true}},
	{EMPTY_AUTHORITY_KEY_IDENTIFIER,
	 ANYWHERE,
	 {"its authority key identifier is empty", form, false, true}},
	{AKID_ISSUER_SERIAL_NOT_PAIRED,
	 ANYWHERE,
	 {"its authority key identifier is incomplete", form, false, true}},
	{X509_V_ERR_KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA,
	 ANYWHERE,
	 {"its key usage lets it sign certificates, and it is no CA", reissue, false, false}},
	{X509_V_ERR_ISSUER_NAME_EMPTY, ANYWHERE, {"its issuer has no name", reissue, false, false}},
	{X509_V_ERR_SUBJECT_NAME_EMPTY, ANYWHERE, {"a CA has no name", reissue, false, false}},
	{X509_V_ERR_EMPTY_SUBJECT_ALT_NAME,
	 ANYWHERE,
	 {"its subjectAltName is empty", reissue, false, false}},
	{X509_V_ERR_SIGNATURE_ALGORITHM_INCONSISTENCY,
	 ANYWHERE,
	 {"it names two different algorithms of its signature", reissue, false, false}},
};

static const struct diagnosis gaps[] = {
	[GAP_UNKNOWN_ROOT] = {"the root CA of the server's chain is not trusted here",
			      "trust it, if it is one of your company's", true, false},
	[GAP_UNKNOWN_ISSUER] =
		{"the CA that issued the last certificate of the chain is not "
		 "trusted here: the server did not send it, and it is not to be found",
		 "get its certificate from its administrator: catrust add FILE", true, false},
	[GAP_MISSING_INTERMEDIATE] = {"the root CA is trusted, but the server does not send an "
				      "intermediate CA below it",
				      "whoever runs the server should send its whole chain; until "
				      "then, the intermediate CA can be saved here",
				      true, false},
	[GAP_WRONG_INTERMEDIATE] =
		{"the root CA is trusted, but the server sends a wrong "
		 "intermediate CA: the name is right, the key is another",
		 "whoever runs the server should send the right one; until then, "
		 "it can be saved here",
		 true, false},
	[GAP_REKEYED_ROOT] = {"a CA of this name is trusted here, but its key is another: the CA "
			      "was renewed with a new key, or somebody claims to be it",
			      "ask its administrator; if it was renewed, trust the new one", true,
			      false},
	[GAP_SELF_SIGNED] = {"the server's certificate is self-signed: no CA vouches for it",
			     "a certificate from a CA; until then it can be pinned, for this "
			     "server alone",
			     true, false},
	[GAP_INTERMEDIATE_ONLY] = {"an intermediate CA is trusted, but not the root above it: "
				   "Python up to 3.12 wants the root",
				   "trust the root as well", true, false},
};

enum diagnose_gap diagnose_gap(const struct diagnose_gap_facts *f)
{
	if (f->code == X509_V_ERR_CERT_SIGNATURE_FAILURE)
		return f->namesake_trusted ? GAP_REKEYED_ROOT : GAP_NONE;
	if (!diagnose_is_gap(f->code))
		return GAP_NONE;
	if (f->self_signed)
		return GAP_SELF_SIGNED;
	if (f->root_trusted && f->ca_unsent)
		return f->namesake_sent ? GAP_WRONG_INTERMEDIATE : GAP_MISSING_INTERMEDIATE;
	if (f->namesake_trusted)
		return GAP_REKEYED_ROOT;
	if (f->code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT)
		return GAP_INTERMEDIATE_ONLY;
	return f->root_found ? GAP_UNKNOWN_ROOT : GAP_UNKNOWN_ISSUER;
}

bool diagnose_is_gap(int code)
{
	return code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
	       code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
	       code == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
	       code == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
	       code == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN || code == X509_V_ERR_CERT_UNTRUSTED;
}

bool diagnose_is_consequence(int code)
{
	return code == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
	       code == X509_V_ERR_CERT_UNTRUSTED;
}

const struct diagnosis *diagnose_code(int code, int depth, enum diagnose_gap gap)
{
	static const struct diagnosis other = {
		"the certificate does not keep a rule of OpenSSL's",
		"ask whoever runs the CA; the words above are OpenSSL's", false, false};
	const enum where where = depth == 0 ? SERVER : CA;

	if (gap != GAP_NONE)
		return &gaps[gap];
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].code == code && (rows[i].where == ANYWHERE || rows[i].where == where))
			return &rows[i].diagnosis;
	return &other;
}

/* Where versions of OpenSSL have other words than the one that this program is linked with. */
static const struct {
	int code, from, before;
	const char *words;
} wordings[] = {
	{9, 0, DIAGNOSE_OPENSSL(3, 6), "certificate is not yet valid"},
	{9, DIAGNOSE_OPENSSL(3, 6), 9999,
	 "certificate is not yet valid or the system clock is incorrect"},
	{18, 0, DIAGNOSE_OPENSSL(3, 0), "self signed certificate"},
	{18, DIAGNOSE_OPENSSL(3, 0), 9999, "self-signed certificate"},
	{19, 0, DIAGNOSE_OPENSSL(3, 0), "self signed certificate in certificate chain"},
	{19, DIAGNOSE_OPENSSL(3, 0), 9999, "self-signed certificate in certificate chain"},
	{24, 0, DIAGNOSE_OPENSSL(3, 0), "invalid CA certificate"},
	{79, 0, DIAGNOSE_OPENSSL(3, 0), "invalid CA certificate"},
	{26, 0, DIAGNOSE_OPENSSL(3, 0), "unsupported certificate purpose"},
	{26, DIAGNOSE_OPENSSL(3, 0), 9999, "unsuitable certificate purpose"},
};

char *diagnose_words(int code, const char *host, int openssl, char buf[DIAGNOSE_TEXT])
{
	const char *words = X509_verify_cert_error_string(code);

	/* These two are CPython's own. */
	if (code == X509_V_ERR_HOSTNAME_MISMATCH || code == X509_V_ERR_IP_ADDRESS_MISMATCH) {
		snprintf(buf, DIAGNOSE_TEXT, "%s mismatch, certificate is not valid for '%s'.",
			 code == X509_V_ERR_HOSTNAME_MISMATCH ? "Hostname" : "IP address", host);
		return buf;
	}
	for (size_t i = 0; openssl != 0 && i < sizeof(wordings) / sizeof(*wordings); i++)
		if (wordings[i].code == code && wordings[i].from <= openssl &&
		    openssl < wordings[i].before)
			words = wordings[i].words;
	snprintf(buf, DIAGNOSE_TEXT, "%s", words);
	return buf;
}

char *diagnose_text(int code, const char *host, int openssl, char buf[DIAGNOSE_TEXT])
{
	char words[DIAGNOSE_TEXT];

	snprintf(buf, DIAGNOSE_TEXT,
		 "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: %.400s",
		 diagnose_words(code, host, openssl, words));
	return buf;
}

static const struct {
	int reason;
	enum diagnose_tls problem;
} reasons[] = {
	{SSL_R_WRONG_VERSION_NUMBER, TLS_PLAIN_TEXT},
	{SSL_R_HTTP_REQUEST, TLS_PLAIN_TEXT},
	{SSL_R_PACKET_LENGTH_TOO_LONG, TLS_PLAIN_TEXT},
	{SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, TLS_OLD_PROTOCOL},
	{SSL_R_UNSUPPORTED_PROTOCOL, TLS_OLD_PROTOCOL},
	{SSL_R_WRONG_SSL_VERSION, TLS_OLD_PROTOCOL},
	{SSL_R_UNKNOWN_PROTOCOL, TLS_OLD_PROTOCOL},
	{SSL_R_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED, TLS_OLD_PROTOCOL},
	{SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, TLS_CLIENT_CERTIFICATE_WANTED},
	{SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED, TLS_LEGACY_RENEGOTIATION},
	{SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY, TLS_NO_COMMON_CIPHER},
	{SSL_R_DH_KEY_TOO_SMALL, TLS_WEAK_KEY_EXCHANGE},
	{SSL_R_TLSV1_UNRECOGNIZED_NAME, TLS_UNKNOWN_NAME},
};

/* Alerts that speak of the client's certificate, where it gave one. */
static bool is_about_certificate(int reason)
{
	return reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE ||
	       reason == SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE ||
	       reason == SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED ||
	       reason == SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED ||
	       reason == SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN ||
	       reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA ||
	       reason == SSL_R_TLSV1_ALERT_ACCESS_DENIED ||
	       reason == SSL_R_TLSV1_ALERT_DECRYPT_ERROR ||
	       reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE;
}

enum diagnose_tls diagnose_tls(const struct diagnose_tls_facts *f)
{
	int reason = ERR_GET_REASON(f->error);

	if (f->late)
		return TLS_LATE;
	if (f->error != 0 && ERR_GET_LIB(f->error) == ERR_LIB_SSL) {
		for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
			if (reasons[i].reason == reason)
				return reasons[i].problem;
		if (f->asked && is_about_certificate(reason))
			return f->given ? TLS_CLIENT_CERTIFICATE_REFUSED
					: TLS_CLIENT_CERTIFICATE_WANTED;
		if (reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE)
			return TLS_NO_COMMON_CIPHER;
	}
	if (f->os_error == ECONNRESET || f->os_error == EPIPE)
		return TLS_RESET;
	if (f->eof)
		return TLS_CLOSED;
	return f->error != 0 || f->os_error != 0 ? TLS_OTHER : TLS_FINE;
}

static const struct {
	const char *name;
	struct diagnosis diagnosis;
} tls_causes[] = {
	[TLS_PLAIN_TEXT] = {"plain-text",
			    {"the server does not speak TLS on this port",
			     "another port or scheme, or STARTTLS first (--starttls)", false,
			     false}},
	[TLS_OLD_PROTOCOL] = {"old-protocol",
			      {"the server speaks only versions of TLS that are given up (1.0, "
			       "1.1), or none that Python takes",
			       "whoever runs the server must switch TLS 1.2 on", false, false}},
	[TLS_CLIENT_CERTIFICATE_WANTED] = {"client-certificate-wanted",
					   {"the server wants a client certificate",
					    "give the program one (here: --cert and --key)", false,
					    false}},
	[TLS_CLIENT_CERTIFICATE_REFUSED] =
		{"client-certificate-refused",
		 {"the server refuses the client certificate",
		  "one that is valid, and from a CA that the server trusts for clients", false,
		  false}},
	[TLS_LEGACY_RENEGOTIATION] =
		{"legacy-renegotiation",
		 {"the server, or a proxy that inspects the connection, does "
		  "not know secure renegotiation (RFC 5746)",
		  "whoever runs it must bring it up to date; a program can set "
		  "ssl.OP_LEGACY_SERVER_CONNECT at its own risk",
		  false, false}},
	[TLS_NO_COMMON_CIPHER] = {"no-common-cipher",
				  {"the server and Python have no cipher or signature in common",
				   "whoever runs the server must switch on ciphers of today "
				   "(ECDHE with AES-GCM)",
				   false, false}},
	[TLS_WEAK_KEY_EXCHANGE] = {"weak-key-exchange",
				   {"the server's Diffie-Hellman key is too small",
				    "whoever runs the server must use ECDHE, or 2048 bits", false,
				    false}},
	[TLS_UNKNOWN_NAME] = {"unknown-name",
			      {"the server has nothing for the name it was asked for (SNI)",
			       "another name (--servername), or whoever runs the server adds it",
			       false, false}},
	[TLS_RESET] = {"reset",
		       {"the connection was reset in the middle of TLS: a firewall or filter may "
			"do that, or a server that is overloaded or is told to refuse this client",
			"ask whoever runs the network; see whether a proxy must be used (--proxy)",
			false, false}},
	[TLS_CLOSED] = {"closed",
			{"the server closed the connection in the middle of TLS: it may not speak "
			 "TLS on this port, or refuse this client",
			 "another port, or STARTTLS first (--starttls); or ask whoever runs it",
			 false, false}},
	[TLS_LATE] = {"silent",
		      {"the server accepted the connection, and then said nothing in time",
		       "another port, STARTTLS first (--starttls), or more time (--timeout)", false,
		       false}},
	[TLS_OTHER] = {"other",
		       {"TLS failed before it came to trust",
			"ask whoever runs the server; the words above are OpenSSL's", false,
			false}},
};

const struct diagnosis *diagnose_tls_cause(enum diagnose_tls problem)
{
	return problem == TLS_FINE ? NULL : &tls_causes[problem].diagnosis;
}

const char *diagnose_tls_name(enum diagnose_tls problem)
{
	return problem == TLS_FINE ? NULL : tls_causes[problem].name;
}

/* CPython's names are those of the macros, which OpenSSL's words follow. */
static void write_mnemonic(const char *words, char *buf, size_t size)
{
	static const char renamed[] = "ssl/tls alert";
	size_t at = 0;

	if (strncmp(words, renamed, strlen(renamed)) == 0) {
		at = (size_t)snprintf(buf, size, "SSLV3_ALERT");
		words += strlen(renamed);
	}
	while (*words != '\0' && at + 1 < size) {
		int c = (unsigned char)*words++;

		buf[at++] = isalnum(c) ? (char)toupper(c) : '_';
	}
	buf[at] = '\0';
}

char *diagnose_error_text(unsigned long error, char buf[DIAGNOSE_TEXT])
{
	const char *words = ERR_reason_error_string(error);
	const char *library = ERR_GET_LIB(error) == ERR_LIB_SSL	   ? "SSL"
			      : ERR_GET_LIB(error) == ERR_LIB_X509 ? "X509"
			      : ERR_GET_LIB(error) == ERR_LIB_PEM  ? "PEM"
								   : NULL;
	char mnemonic[96];

	if (words == NULL)
		words = "unknown error";
	write_mnemonic(words, mnemonic, sizeof(mnemonic));
	if (library == NULL)
		snprintf(buf, DIAGNOSE_TEXT, "%s", words);
	else if (ERR_COMMON_ERROR(error))
		snprintf(buf, DIAGNOSE_TEXT, "[%s] %s", library, words);
	else
		snprintf(buf, DIAGNOSE_TEXT, "[%s: %s] %s", library, mnemonic, words);
	return buf;
}

/* The words of some alerts, from one OpenSSL to the other. */
static void reword_alert(int openssl, char buf[DIAGNOSE_TEXT])
{
	static const char *const words[] = {"sslv3 alert", "ssl/tls alert"};
	bool newer = openssl >= DIAGNOSE_OPENSSL(3, 2);
	char *at = openssl == 0 ? NULL : strstr(buf, words[!newer]);
	char rest[DIAGNOSE_TEXT];

	if (at == NULL)
		return;
	snprintf(rest, sizeof(rest), "%s", at + strlen(words[!newer]));
	snprintf(at, (size_t)(buf + DIAGNOSE_TEXT - at), "%s%s", words[newer], rest);
}

char *diagnose_tls_text(const struct diagnose_tls_facts *f, int openssl, char buf[DIAGNOSE_TEXT])
{
	bool before_3 = openssl != 0 && openssl < DIAGNOSE_OPENSSL(3, 0);

	buf[0] = '\0';
	if (f->late)
		return buf;
	if (f->os_error != 0 && f->error == 0)
		snprintf(buf, DIAGNOSE_TEXT, "[Errno %d] %s", f->os_error, strerror(f->os_error));
	else if (f->closed)
		snprintf(buf, DIAGNOSE_TEXT, "TLS/SSL connection has been closed (EOF)");
	else if (f->eof)
		snprintf(buf, DIAGNOSE_TEXT, "%sEOF occurred in violation of protocol",
			 before_3 ? "" : "[SSL: UNEXPECTED_EOF_WHILE_READING] ");
	else if (f->error != 0)
		diagnose_error_text(f->error, buf);
	reword_alert(openssl, buf);
	return buf;
}

const char *diagnose_os_exception(int error)
{
	switch (error) {
	case ENOENT:
		return "FileNotFoundError";
	case EISDIR:
		return "IsADirectoryError";
	case ENOTDIR:
		return "NotADirectoryError";
	case EACCES:
	case EPERM:
		return "PermissionError";
	case ECONNRESET:
		return "ConnectionResetError";
	case EPIPE:
		return "BrokenPipeError";
	default:
		return "OSError";
	}
}

const char *diagnose_tls_exception(const struct diagnose_tls_facts *f)
{
	if (f->late)
		return "TimeoutError";
	if (f->eof)
		return f->closed ? "ssl.SSLZeroReturnError" : "ssl.SSLEOFError";
	return f->error == 0 && f->os_error != 0 ? diagnose_os_exception(f->os_error)
						 : "ssl.SSLError";
}

const struct diagnosis *diagnose_bundle(int os_error, unsigned long error)
{
	static const struct diagnosis unreadable = {
		"the bundle can't be read", "mend its path or its permissions", false, false};
	static const struct diagnosis empty = {
		"the bundle holds no certificate that OpenSSL sees: it is empty, or something "
		"else, "
		"or in DER, where PEM is wanted",
		"a file in PEM; DER becomes PEM with: openssl x509 -inform der -in FILE -out "
		"FILE.pem",
		false, false};
	static const struct diagnosis corrupt = {
		"the bundle is damaged: a certificate in it is cut off, or was changed",
		"a fresh copy of it; nothing after the damage counts", false, false};

	if (os_error != 0)
		return &unreadable;
	return ERR_GET_LIB(error) == ERR_LIB_X509 &&
			       ERR_GET_REASON(error) == X509_R_NO_CERTIFICATE_OR_CRL_FOUND
		       ? &empty
		       : &corrupt;
}

const char *diagnose_plain_text(const unsigned char *first, size_t len)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *what;
	} known[] = {
		{"HTTP/", 5, "it speaks plain HTTP: http:// in place of https://, or another port"},
		{"<html", 5, "it speaks plain HTTP: http:// in place of https://, or another port"},
		{"220", 3, "it speaks SMTP or FTP: --starttls smtp, or --starttls ftp"},
		{"* OK", 4, "it speaks IMAP: --starttls imap"},
		{"+OK", 3, "it speaks POP3: --starttls pop3"},
		{"200", 3, "it speaks NNTP: --starttls nntp"},
		{"201", 3, "it speaks NNTP: --starttls nntp"},
		{"\"IMPL", 5, "it speaks ManageSieve: --starttls sieve"},
		{"<?xml", 5, "it speaks XMPP: --starttls xmpp"},
		{"<stre", 5, "it speaks XMPP: --starttls xmpp"},
		{"SSH-", 4, "it speaks SSH, and no TLS at all"},
		{"RFB ", 4, "it speaks VNC, and no TLS at all"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (len >= known[i].len && memcmp(first, known[i].bytes, known[i].len) == 0)
			return known[i].what;
	/* A packet's length in three bytes, number 0, version 10 of the protocol. */
	if (len >= 5 && first[3] == 0 && first[4] == 10)
		return "it speaks MySQL's protocol: --starttls mysql";
	return NULL;
}

static enum diagnose_remedy_kind kind_of(size_t plan)
{
	static const enum diagnose_remedy_kind kinds[PLANS] = {
		[PLAN_FETCH] = REMEDY_FETCH,
		[PLAN_WITH_INTERMEDIATE] = REMEDY_WITH_INTERMEDIATE,
		[PLAN_PIN] = REMEDY_PIN,
	};

	return kinds[plan];
}

/* The plan that helps most, and more than least; the first of equals. PLANS: none. */
static size_t best_plan(const int count[PLANS], int least)
{
	size_t best = PLANS;

	for (size_t i = 0; i < PLANS; i++)
		if (count[i] > least) {
			best = i;
			least = count[i];
		}
	return best;
}

struct diagnose_remedy diagnose_remedy(const struct diagnose_remedy_facts *f)
{
	size_t best = best_plan(f->plan, f->here);

	if (f->plain == f->clients)
		return (struct diagnose_remedy){REMEDY_NOTHING, false};
	if (f->here == f->clients)
		return (struct diagnose_remedy){REMEDY_RUN, false};
	if (best != PLANS)
		return (struct diagnose_remedy){kind_of(best),
						f->plan_relaxed[best] > f->plan[best]};
	if (f->here_relaxed > f->here)
		return (struct diagnose_remedy){REMEDY_RELAX, true};
	best = best_plan(f->plan_relaxed, f->here);
	if (best != PLANS)
		return (struct diagnose_remedy){kind_of(best), true};
	if (f->but_for_ca > f->here)
		return (struct diagnose_remedy){f->is_public ? REMEDY_BUNDLE : REMEDY_ADD, false};
	return (struct diagnose_remedy){REMEDY_NONE, false};
}

int diagnose_status(const struct diagnose_remedy *remedy, bool tls_failed)
{
	if (tls_failed)
		return STATUS_NO_HELP;
	switch (remedy->kind) {
	case REMEDY_NOTHING:
	case REMEDY_RUN:
		return STATUS_DONE;
	case REMEDY_FETCH:
	case REMEDY_WITH_INTERMEDIATE:
	case REMEDY_PIN:
	case REMEDY_ADD:
		return STATUS_NO;
	case REMEDY_RELAX:
	case REMEDY_BUNDLE:
	case REMEDY_NONE:
		break;
	}
	return STATUS_NO_HELP;
}
