/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/diagnose.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

/* New in OpenSSL 4.0. */
enum { EMPTY_AUTHORITY_KEY_IDENTIFIER = 102, AKID_ISSUER_SERIAL_NOT_PAIRED = 103 };

enum where { ANYWHERE, SERVER, CA };

struct row {
	int code;
	enum where where;
	struct diagnosis diagnosis;
};

static const char reissue[] = "the administrator of the CA must reissue it";
static const char form[] = "CATRUST_STRICT=relax ignores it if the chain ends at a CA in a trust "
			   "directory; better: the administrator of the CA reissues it";

/* The first matching row counts. */
static const struct row rows[] = {
	{X509_V_ERR_CERT_NOT_YET_VALID,
	 SERVER,
	 {"the server's certificate is not valid yet, or the clock of this machine is wrong",
	  "check the clock first (date -u); otherwise wait, or get a certificate that is valid now",
	  false, false}},
	{X509_V_ERR_CERT_NOT_YET_VALID,
	 CA,
	 {"a CA's certificate is not valid yet, or the clock of this machine is wrong",
	  "check the clock first (date -u); otherwise an older copy of the CA helps", true, false}},
	{X509_V_ERR_CERT_HAS_EXPIRED,
	 SERVER,
	 {"the server's certificate has expired", "the administrator of the server must renew it",
	  false, false}},
	{X509_V_ERR_CERT_HAS_EXPIRED,
	 CA,
	 {"a CA's certificate has expired",
	  "a renewed copy of the CA helps: catrust add FILE, with the file from its administrator",
	  true, false}},
	{X509_V_ERR_CERT_SIGNATURE_FAILURE,
	 ANYWHERE,
	 {"a signature does not match the key of the CA: the CA that is trusted here has the same "
	  "name but another key, or the certificate is damaged",
	  "trust the CA's new certificate instead of the old one", true, false}},
	{X509_V_ERR_HOSTNAME_MISMATCH,
	 ANYWHERE,
	 {"the certificate is for other names",
	  "connect by one of its names, or get a certificate that has this name too", false,
	  false}},
	{X509_V_ERR_IP_ADDRESS_MISMATCH,
	 ANYWHERE,
	 {"the certificate is not for this address",
	  "connect by one of its names, or get a certificate that has this address too", false,
	  false}},
	{X509_V_ERR_EE_KEY_TOO_SMALL,
	 ANYWHERE,
	 {"the key of the server's certificate is too weak",
	  "get a new certificate, with an RSA key of 2048 bits or more, or an EC key", false,
	  false}},
	{X509_V_ERR_CA_KEY_TOO_SMALL,
	 ANYWHERE,
	 {"the key of a CA is too weak", "the CA needs a new key: RSA of 2048 bits or more, or EC",
	  false, false}},
	{X509_V_ERR_CA_MD_TOO_WEAK,
	 ANYWHERE,
	 {"a certificate below the root is signed with a weak digest (SHA-1 or MD5)",
	  "the administrator of the CA must reissue it, with SHA-256 or better", false, false}},
	{X509_V_ERR_INVALID_CA,
	 ANYWHERE,
	 {"the certificate that signed is not a CA's: its basicConstraints or key usage do not "
	  "allow it to sign, or it is of X.509 version 1",
	  reissue, false, false}},
	{X509_V_ERR_PATH_LENGTH_EXCEEDED,
	 ANYWHERE,
	 {"a CA allows fewer CAs below it than there are (pathlen)", reissue, false, false}},
	{X509_V_ERR_INVALID_PURPOSE,
	 SERVER,
	 {"the certificate is not for TLS servers (extended key usage)",
	  "get a certificate whose extended key usage has serverAuth", false, false}},
	{X509_V_ERR_INVALID_PURPOSE,
	 CA,
	 {"a CA's extended key usage does not allow it to vouch for TLS servers", reissue, false,
	  false}},
	{X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION,
	 ANYWHERE,
	 {"it has a critical extension that OpenSSL does not know", reissue, false, false}},
	{X509_V_ERR_PERMITTED_VIOLATION,
	 ANYWHERE,
	 {"a CA may not vouch for a name in the certificate: the name is not one that the CA is "
	  "limited to (by name constraints, or by its scope in the trust directory)",
	  "get a certificate for names that the CA may vouch for, or widen the scope: see catrust "
	  "list",
	  false, false}},
	{X509_V_ERR_EXCLUDED_VIOLATION,
	 ANYWHERE,
	 {"a CA may not vouch for a name in the certificate: its name constraints exclude it",
	  "get a certificate for names that the CA may vouch for", false, false}},
	{X509_V_ERR_EC_KEY_EXPLICIT_PARAMS,
	 ANYWHERE,
	 {"its EC key has explicit parameters instead of a named curve", reissue, false, false}},
	{X509_V_ERR_UNABLE_TO_GET_CRL,
	 ANYWHERE,
	 {"the program checks for revocation, and has no revocation list",
	  "give it the CA's revocation list (CRL), or turn the check off", false, false}},
	{X509_V_ERR_CERT_REVOKED,
	 ANYWHERE,
	 {"the certificate is revoked", "the administrator of the server must get a new one", false,
	  false}},
	{X509_V_ERR_CERT_REJECTED,
	 ANYWHERE,
	 {"the program's store marks this CA as not trusted for TLS servers",
	  "ask who marked it; see openssl x509 -trustout", false, false}},
	{X509_V_ERR_CERT_CHAIN_TOO_LONG,
	 ANYWHERE,
	 {"the chain is too long", "the server must send fewer certificates", false, false}},
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
	[GAP_UNKNOWN_ISSUER] = {"the CA that issued the last certificate of the chain is not "
				"trusted here: the server did not send it, and it was not found",
				"get its certificate from its administrator: catrust add FILE",
				true, false},
	[GAP_UNSENT_ISSUER] =
		{"the CA that issued the last certificate of the chain was not sent, and was not "
		 "found: no CA of the trust directories is its direct issuer",
		 "if it is an intermediate CA below one that is trusted, the administrator of the "
		 "server must configure the server to send it (the usual fix); otherwise get its "
		 "certificate from its administrator, then catrust add FILE",
		 true, false},
	[GAP_MISSING_INTERMEDIATE] = {"the root CA is trusted, but the server does not send an "
				      "intermediate CA below it",
				      "the server should send its whole chain; until then, the "
				      "intermediate CA can be saved here",
				      true, false},
	[GAP_WRONG_INTERMEDIATE] =
		{"the root CA is trusted, but the server sends a wrong intermediate CA, with the "
		 "right name but another key",
		 "the server should send the right one; until then, that can be saved here", true,
		 false},
	[GAP_REKEYED_ROOT] = {"a CA of this name is trusted here, but with another key: either the "
			      "CA was renewed with a new key, or somebody imitates it",
			      "ask its administrator; if it was renewed, trust the new one", true,
			      false},
	[GAP_SELF_SIGNED] =
		{"the server's certificate is self-signed: no CA vouches for it",
		 "get a certificate from a CA; until then, this one can be pinned for this server",
		 true, false},
	[GAP_INTERMEDIATE_ONLY] = {"an intermediate CA is trusted, but not the root above it: "
				   "Python up to 3.12 needs the root",
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
	if (f->root_found)
		return GAP_UNKNOWN_ROOT;
	return f->anchors_trusted ? GAP_UNSENT_ISSUER : GAP_UNKNOWN_ISSUER;
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
		"OpenSSL refuses the certificate by a rule that catrust does not know",
		"ask the administrator of the CA; the words above are OpenSSL's", false, false};
	const enum where where = depth == 0 ? SERVER : CA;

	if (gap != GAP_NONE)
		return &gaps[gap];
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].code == code && (rows[i].where == ANYWHERE || rows[i].where == where))
			return &rows[i].diagnosis;
	return &other;
}

const struct diagnosis *diagnose_bundle(int os_error, unsigned long error)
{
	static const struct diagnosis unreadable = {
		"the bundle can't be read", "correct its path or its permissions", false, false};
	static const struct diagnosis empty = {
		"OpenSSL finds no certificate in the bundle: it is empty, or something else, or "
		"DER instead of PEM",
		"use a PEM file; this converts DER to PEM: openssl x509 -inform der -in FILE -out "
		"FILE.pem",
		false, false};
	static const struct diagnosis corrupt = {
		"the bundle is damaged: a certificate in it is cut off, or was changed",
		"get a fresh copy; nothing after the damage is read", false, false};

	if (os_error != 0)
		return &unreadable;
	return ERR_GET_LIB(error) == ERR_LIB_X509 &&
			       ERR_GET_REASON(error) == X509_R_NO_CERTIFICATE_OR_CRL_FOUND
		       ? &empty
		       : &corrupt;
}
