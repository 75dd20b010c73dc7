/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/candidate.h"

#include "certs/chain.h"
#include "policy/strict.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	DAY = 24 * 60 * 60,
	EXPIRES_SOON_DAYS = 30,
	STRONG_RSA_BITS = 2048,
	STRONG_EC_BITS = 224,
	STRONG_DIGEST_BITS = 112, /* SHA-1 has 63 to 80, MD5 39 to 64 */
};

__attribute__((format(printf, 4, 5))) static void add(struct findings *f, enum finding_level level,
						      const char *code, const char *format, ...)
{
	va_list args;

	if (f->count == FINDINGS_MAX)
		return;
	va_start(args, format);
	vsnprintf(f->item[f->count].text, sizeof(f->item[f->count].text), format, args);
	va_end(args);
	f->item[f->count].code = code;
	f->item[f->count++].level = level;
}

bool findings_refuse(const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->item[i].level == FINDING_REFUSE)
			return true;
	return false;
}

bool candidate_same_key(const X509 *a, const X509 *b)
{
	EVP_PKEY *key_a = X509_get0_pubkey(a), *key_b = X509_get0_pubkey(b);
	bool same = key_a != NULL && key_b != NULL && EVP_PKEY_eq(key_a, key_b) == 1;

	ERR_clear_error();
	return same;
}

X509 *candidate_find_key(const STACK_OF(X509) * certs, const X509 *cert)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (candidate_same_key(sk_X509_value(certs, i), cert))
			return sk_X509_value(certs, i);
	return NULL;
}

static bool has_basic_constraints(const X509 *cert)
{
	return X509_get_ext_by_NID(cert, NID_basic_constraints, -1) >= 0;
}

/* May it sign certificates? */
static void check_ca(X509 *cert, struct findings *f)
{
	int ca = X509_check_ca(cert);

	if (ca == 1)
		return;
	if (ca == 3)
		add(f, FINDING_REFUSE, "not-a-ca",
		    "it is of X.509 version 1, which can't say whether it is a CA");
	else if (has_basic_constraints(cert) && (X509_get_extension_flags(cert) & EXFLAG_CA) == 0)
		add(f, FINDING_REFUSE, "not-a-ca",
		    "it says that it is not a CA (basicConstraints: CA:FALSE)");
	else if ((X509_get_key_usage(cert) & KU_KEY_CERT_SIGN) == 0)
		add(f, FINDING_REFUSE, "not-a-ca",
		    "its key usage does not allow it to sign certificates (keyCertSign)");
	else
		add(f, FINDING_REFUSE, "not-a-ca",
		    "it does not say that it is a CA (no basicConstraints)");
}

static void check_signature(X509 *cert, struct findings *f)
{
	int digest = 0, bits = 0;

	if (chain_is_root(cert)) {
		if (X509_self_signed(cert, 1) != 1)
			add(f, FINDING_REFUSE, "bad-signature",
			    "its own signature is not valid: it is damaged or forged");
		ERR_clear_error();
		return; /* the digest of a root's own signature does not matter */
	}
	if (X509_get_signature_info(cert, &digest, NULL, &bits, NULL) == 1 && bits > 0 &&
	    bits < STRONG_DIGEST_BITS)
		add(f, FINDING_WARN, "weak-signature",
		    "its signature is weak (%s): OpenSSL may refuse it",
		    digest == NID_undef ? "unknown digest" : OBJ_nid2sn(digest));
}

static void check_key(X509 *cert, struct findings *f)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	int bits;

	if (key == NULL) {
		ERR_clear_error();
		add(f, FINDING_REFUSE, "bad-key", "OpenSSL does not understand its public key");
		return;
	}
	bits = EVP_PKEY_get_bits(key);
	if ((EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS") ||
	     EVP_PKEY_is_a(key, "DSA")) &&
	    bits < STRONG_RSA_BITS)
		add(f, FINDING_WARN, "weak-key", "its key is weak (%d bits): OpenSSL may refuse it",
		    bits);
	else if (EVP_PKEY_is_a(key, "EC") && bits < STRONG_EC_BITS)
		add(f, FINDING_WARN, "weak-key", "its key is weak (%d bits): OpenSSL may refuse it",
		    bits);
}

static void check_dates(X509 *cert, time_t now, struct findings *f)
{
	int starts = X509_cmp_time(X509_get0_notBefore(cert), &now);
	int ends = X509_cmp_time(X509_get0_notAfter(cert), &now);
	time_t soon = now + (time_t)EXPIRES_SOON_DAYS * DAY;

	if (starts == 0 || ends == 0)
		add(f, FINDING_REFUSE, "bad-dates", "its dates are not readable");
	else if (ends < 0)
		add(f, FINDING_REFUSE, "expired", "it has expired");
	else if (starts > 0)
		add(f, FINDING_REFUSE, "not-yet-valid",
		    "it is not valid yet (is this machine's clock right?)");
	else if (X509_cmp_time(X509_get0_notAfter(cert), &soon) < 0)
		add(f, FINDING_WARN, "expires-soon", "it expires in less than %d days",
		    EXPIRES_SOON_DAYS);
}

/* OpenSSL's errors about a CA, without those that say nothing about the CA itself. */
struct errors {
	int code[FINDINGS_MAX];
	size_t count;
};

static bool errors_have(const struct errors *e, int code)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->code[i] == code)
			return true;
	return false;
}

static int note_error(int ok, X509_STORE_CTX *ctx)
{
	struct errors *e = X509_STORE_CTX_get_app_data(ctx);
	int code = X509_STORE_CTX_get_error(ctx);

	if (!ok && X509_STORE_CTX_get_error_depth(ctx) == 1 && !errors_have(e, code) &&
	    e->count < FINDINGS_MAX)
		e->code[e->count++] = code;
	return 1;
}

static int add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	int ok;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, X509V3_CTX_REPLACE);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext != NULL && X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	return ok;
}

/* Makes a server's certificate that names ca as its issuer, but without a signature of ca. */
static X509 *leaf_below(X509 *ca)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *leaf = X509_new();
	bool ok = key != NULL && leaf != NULL && X509_set_version(leaf, X509_VERSION_3) &&
		  ASN1_INTEGER_set(X509_get_serialNumber(leaf), 1) &&
		  X509_gmtime_adj(X509_getm_notBefore(leaf), -DAY) &&
		  X509_gmtime_adj(X509_getm_notAfter(leaf), DAY) &&
		  X509_NAME_add_entry_by_txt(X509_get_subject_name(leaf), "CN", MBSTRING_ASC,
					     (const unsigned char *)"x", -1, -1, 0) &&
		  X509_set_issuer_name(leaf, X509_get_subject_name(ca)) &&
		  X509_set_pubkey(leaf, key) &&
		  add_extension(leaf, ca, NID_basic_constraints, "critical,CA:FALSE") &&
		  add_extension(leaf, ca, NID_subject_alt_name, "DNS:x.invalid") &&
		  X509_sign(leaf, key, EVP_sha256()) > 0;

	EVP_PKEY_free(key);
	if (!ok) {
		X509_free(leaf);
		leaf = NULL;
	}
	return leaf;
}

/* Checks the name only, because the leaf's signature is not even of the right kind. */
static int check_issued(X509_STORE_CTX *ctx, X509 *cert, X509 *issuer)
{
	(void)ctx;
	return X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(issuer)) == 0;
}

/*
 * OpenSSL's own verdict on cert as the CA of a TLS server. OpenSSL checks a CA only above another
 * certificate, so there is a made-up leaf below it, whose own errors are ignored.
 */
static int verify_below(X509 *cert, unsigned long flags, struct errors *ret)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509 *leaf = leaf_below(cert);
	int result = -1;

	ret->count = 0;
	if (store == NULL || ctx == NULL || leaf == NULL)
		goto out;
	X509_STORE_set_check_issued(store, check_issued);
	if (X509_STORE_add_cert(store, cert) != 1 ||
	    X509_STORE_CTX_init(ctx, store, leaf, NULL) != 1)
		goto out;
	X509_STORE_CTX_set_app_data(ctx, ret);
	X509_STORE_CTX_set_verify_cb(ctx, note_error);
	X509_STORE_CTX_set_default(ctx, "ssl_server");
	X509_STORE_CTX_set_flags(ctx,
				 flags | X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
	/* Weak keys and digests have findings of their own. */
	X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(ctx), 0);
	if (X509_verify_cert(ctx) >= 0)
		result = 0;
out:
	X509_STORE_CTX_free(ctx);
	X509_free(leaf);
	X509_STORE_free(store);
	ERR_clear_error();
	return result;
}

static int check_verification(X509 *cert, struct findings *f)
{
	struct errors plain, strict;

	if (verify_below(cert, 0, &plain) != 0 ||
	    verify_below(cert, X509_V_FLAG_X509_STRICT, &strict) != 0)
		return -1;
	for (size_t i = 0; i < plain.count; i++)
		add(f, FINDING_REFUSE, "refused", "OpenSSL refuses it as a CA of TLS servers: %s",
		    X509_verify_cert_error_string(plain.code[i]));
	for (size_t i = 0; i < strict.count; i++)
		if (!errors_have(&plain, strict.code[i]))
			add(f, FINDING_WARN, "strict", "Python 3.13 and newer refuse it%s: %s",
			    strict_forgives(strict.code[i]) ? ", unless CATRUST_STRICT=relax" : "",
			    X509_verify_cert_error_string(strict.code[i]));
	return 0;
}

int candidate_check(X509 *cert, time_t now, struct findings *ret)
{
	int result = 0;

	ret->count = 0;
	check_ca(cert, ret);
	check_signature(cert, ret);
	check_key(cert, ret);
	check_dates(cert, now, ret);
	/* OpenSSL's verdict on a certificate that is not a CA, or has no key, adds nothing. */
	if (X509_check_ca(cert) == 1 && X509_get0_pubkey(cert) != NULL)
		result = check_verification(cert, ret);
	ERR_clear_error();
	return result;
}

int candidate_check_pin(X509 *cert, time_t now, struct findings *ret)
{
	ret->count = 0;
	if (!chain_is_root(cert))
		add(ret, FINDING_REFUSE, "not-self-signed", "it is not self-signed");
	check_signature(cert, ret);
	check_key(cert, ret);
	check_dates(cert, now, ret);
	ERR_clear_error();
	return 0;
}
