/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/hint.h"

#include "libc/hash.h"
#include "libc/text.h"
#include "openssl/public.h"
#include "policy/current.h"
#include "policy/leaf_scope.h"
#include "policy/lend.h"
#include "policy/policy.h"
#include "policy/strict.h"
#include "process/config.h"
#include "process/log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "openssl/openssl_calls.h"

enum {
	NAME_BYTES = 256,
	CHAIN_BYTES = 1600,
	SHOWN_CERTS = 5,
	SHOWN_NAME = 200,
	REPEAT_AFTER_S = 60,
	LINES_A_MINUTE = 60
};

enum remedy hint_remedy(int error, bool strict_would_do)
{
	if (strict_would_do)
		return REMEDY_STRICT;
	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		return REMEDY_FETCH;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return REMEDY_PIN;
	case X509_V_ERR_PERMITTED_VIOLATION:
		return REMEDY_SCOPE;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return REMEDY_RENEW;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return REMEDY_NAME;
	default:
		return REMEDY_NO_CA;
	}
}

/*
 * Returns the port, and writes the address as text: 0 and "" if they are not known. asyncio, for
 * instance, uses no socket.
 */
static unsigned get_peer(const struct verification *v, char address[INET6_ADDRSTRLEN])
{
	const struct ssl *s = v->ssl;
	struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
	const struct sockaddr_in *v4 = (const void *)&peer;
	const struct sockaddr_in6 *v6 = (const void *)&peer;
	socklen_t len = sizeof(peer);
	int fd = SSL_get_rfd(v->connection);

	address[0] = '\0';
	if (fd < 0 || getpeername(fd, (struct sockaddr *)&peer, &len) != 0)
		return 0;
	if (peer.ss_family == AF_INET) {
		inet_ntop(AF_INET, &v4->sin_addr, address, INET6_ADDRSTRLEN);
		return ntohs(v4->sin_port);
	}
	if (peer.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &v6->sin6_addr, address, INET6_ADDRSTRLEN);
		return ntohs(v6->sin6_port);
	}
	return 0;
}

/*
 * The target of the connection: the name that is verified or that the client sent, or else the
 * address.
 */
static void add_host(struct text *t, const struct verification *v, const char *peer)
{
	const struct crypto *c = v->crypto;
	const struct ssl *s = v->ssl;
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(v->ctx);
	const char *name = NULL;
	char *address = NULL;

	if (X509_VERIFY_PARAM_get0_host != NULL)
		name = X509_VERIFY_PARAM_get0_host(param, 0);
	if (name == NULL)
		name = SSL_get_servername(v->connection, TLSEXT_NAMETYPE_host_name);
	if (name == NULL && X509_VERIFY_PARAM_get1_ip_asc != NULL) {
		address = X509_VERIFY_PARAM_get1_ip_asc(param);
		name = address;
	}
	if (name == NULL)
		name = peer[0] != '\0' ? peer : "a server";
	text_add(t, name);
	if (address != NULL)
		CRYPTO_free(address, __FILE__, __LINE__);
}

/*
 * The target in a form that catrust accepts: host, host:port, [v6] or [v6]:port. unknown_port: the
 * text for a port that is not known.
 */
static void add_target(struct text *t, const struct verification *v, const char *unknown_port)
{
	char buf[NAME_BYTES] = "";
	struct text host = TEXT(buf);
	char peer[INET6_ADDRSTRLEN];
	unsigned port = get_peer(v, peer);
	bool v6;

	add_host(&host, v, peer);
	v6 = strchr(buf, ':') != NULL;
	text_add(t, v6 ? "[" : "");
	text_add(t, buf);
	text_add(t, v6 ? "]" : "");
	if (port == 0) {
		text_add(t, unknown_port);
	} else if (port != 443) {
		text_add(t, ":");
		text_add_uint(t, port);
	}
}

/* A long name is cut, because a name may have any length. */
static void add_name(struct text *t, const struct crypto *c, const X509_NAME *name)
{
	char *all = X509_NAME_oneline(name, NULL, 0);
	size_t len = all == NULL ? 0 : strlen(all);

	text_add(t, "\"");
	/* A name must not close its own quotes and continue as if it were part of the hint. */
	for (size_t i = 0; i < len && i < SHOWN_NAME; i++) {
		if (all[i] == '"')
			text_add(t, "\\x22");
		else
			text_add_n(t, &all[i], 1);
	}
	text_add(t, len > SHOWN_NAME ? "...\"" : "\"");
	if (all != NULL)
		CRYPTO_free(all, __FILE__, __LINE__);
}

static void add_fingerprint(struct text *t, const struct crypto *c, const X509 *cert)
{
	static const char hex[] = "0123456789abcdef";
	enum { SHOWN = 4 };
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (X509_digest(cert, EVP_sha256(), digest, &len) != 1)
		return;
	text_add(t, " (");
	for (unsigned i = 0; i < SHOWN && i < len; i++) {
		const char byte[3] = {hex[digest[i] >> 4], hex[digest[i] & 15], '\0'};

		text_add(t, byte);
	}
	text_add(t, ")");
}

static bool is_untrusted(enum remedy remedy)
{
	return remedy == REMEDY_FETCH || remedy == REMEDY_PIN;
}

/* The chain as far as it was built, and the missing issuer, if that is the error. */
static void add_chain(struct text *t, const struct verification *v, enum remedy remedy)
{
	const struct crypto *c = v->crypto;
	const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(v->ctx);
	int count = certs_count(c, chain);

	for (int i = 0; i < count && i < SHOWN_CERTS; i++) {
		const X509 *cert = certs_at(c, chain, i);

		text_add(t, i == 0 ? "; chain: " : " <- ");
		add_name(t, c, X509_get_subject_name(cert));
		add_fingerprint(t, c, cert);
	}
	if (count > SHOWN_CERTS)
		text_add(t, " ...");
	if (count > 0 && is_untrusted(remedy)) {
		const X509 *last = certs_at(c, chain, count - 1);

		text_add(t, "; not trusted: ");
		add_name(t, c, X509_get_issuer_name(last));
	}
}

/*
 * The target in a command that the user may paste. It is checked, because a URL can hold anything
 * that a shell would run. A shell may treat the brackets of an IPv6 address as a pattern.
 */
static void add_command(struct text *t, const char *command, const struct verification *v)
{
	char buf[NAME_BYTES] = "";
	struct text target = TEXT(buf);
	const char *quote;

	add_target(&target, v, ":PORT");
	if (buf[0] == '-' || strspn(buf, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789.-_:[]") != target.len) {
		target = TEXT(buf);
		text_add(&target, "SERVER");
	}
	quote = strchr(buf, '[') != NULL ? "'" : "";
	text_add(t, command);
	text_add(t, " ");
	text_add(t, quote);
	text_add(t, buf);
	text_add(t, quote);
}

/*
 * Is a certificate of the chain an anchor whose scope lacks a name of the leaf? *ret: the first
 * such name.
 */
static bool is_outside(struct crypto *c, const struct trust *trust, const X509 *cert,
		       const X509 *leaf, struct name *ret)
{
	size_t count = 0;
	struct trust_anchor *const *anchor = trust_find(trust, X509_get_subject_name(cert), &count);

	for (size_t i = 0; i < count; i++) {
		const X509 *same = trust_cert(c, anchor[i]);

		if (same != NULL && X509_cmp(same, cert) == 0 &&
		    !leaf_scope_holds(c, leaf, anchor[i], ret))
			return true;
	}
	return false;
}

static bool find_outside(const struct verification *v, struct name *ret)
{
	struct crypto *c = v->crypto;
	const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(v->ctx);
	const struct trust *trust = trust_enter(v->crypto);
	bool found = false;

	for (int i = 0; trust != NULL && !found && i < certs_count(c, chain); i++)
		found = is_outside(c, trust, certs_at(c, chain, i), certs_at(c, chain, 0), ret);
	trust_leave();
	return found;
}

static void add_outside(struct text *t, const struct verification *v)
{
	struct name name;
	struct scope scope;
	const char *folder;

	if (!find_outside(v, &name) || name.text[0] == '\0')
		return;
	text_add(t, "; the certificate names ");
	text_add(t, name.text);
	text_add(t, " (");
	text_add(t, names_kind(name.kind));
	text_add(t, ")");
	folder = name.text + (strncmp(name.text, "*.", 2) == 0 ? 2 : 0);
	if (scope_parse(folder, &scope) != 0)
		return;
	text_add(t, ", which the subdirectory ");
	text_add(t, folder);
	text_add(t, "/ would allow");
}

static void add_remedy(struct text *t, const struct verification *v, enum remedy remedy)
{
	switch (remedy) {
	case REMEDY_FETCH:
		add_command(t, "; to trust it: catrust fetch", v);
		break;
	case REMEDY_PIN:
		add_command(t, "; to trust it: catrust fetch --pin", v);
		break;
	case REMEDY_STRICT:
		text_add(t, "; CATRUST_STRICT=relax would accept it");
		break;
	case REMEDY_SCOPE:
		text_add(t, "; the CA is trusted for other names only: see the trust directory's "
			    "subdirectories (catrust list)");
		add_outside(t, v);
		break;
	case REMEDY_RENEW:
		text_add(
			t,
			"; adding a CA does not help: renew the certificate, or correct the clock");
		break;
	case REMEDY_NAME:
		text_add(t, "; adding a CA does not help: the certificate is for another name");
		break;
	case REMEDY_NO_CA:
		add_command(t, "; adding a CA does not help: see catrust doctor", v);
		break;
	}
}

/*
 * Failures that were logged within the last minute. New ones do not replace them, so at most this
 * many lines are logged in any minute. Two threads may overwrite each other's entry; that only
 * costs one more line.
 */
static struct told {
	_Atomic uint64_t what; /* a hash of the failure */
	_Atomic uint64_t when; /* in seconds; 0: never */
	_Atomic uint64_t more; /* not logged since then */
} lately[LINES_A_MINUTE];

static _Atomic uint64_t others; /* not logged, and counted nowhere else */

static bool is_old(const struct told *told, uint64_t now)
{
	uint64_t when = atomic_load(&told->when);

	return when == 0 || now - when >= REPEAT_AFTER_S;
}

/* The entry of a failure, or one that it may use; NULL: there is none. */
static struct told *find_told(uint64_t what, uint64_t now)
{
	struct told *free_one = NULL;

	for (size_t i = 0; i < LINES_A_MINUTE; i++) {
		if (atomic_load(&lately[i].what) == what)
			return &lately[i];
		if (free_one == NULL && is_old(&lately[i], now))
			free_one = &lately[i];
	}
	return free_one;
}

/*
 * Is it time to log this failure? If so, *ret_more is how often it was not logged, and *ret_others
 * how many others were not.
 */
static bool is_due(uint64_t what, uint64_t *ret_more, uint64_t *ret_others)
{
	struct timespec now = {0, 0};
	struct told *told;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	told = find_told(what, (uint64_t)now.tv_sec);
	if (told == NULL || !is_old(told, (uint64_t)now.tv_sec)) {
		atomic_fetch_add(told == NULL ? &others : &told->more, 1);
		return false;
	}
	*ret_more = atomic_exchange(&told->more, 0);
	if (atomic_exchange(&told->what, what) != what) {
		atomic_fetch_add(&others, *ret_more);
		*ret_more = 0;
	}
	atomic_store(&told->when, (uint64_t)now.tv_sec);
	*ret_others = atomic_exchange(&others, 0);
	return true;
}

static void add_count(struct text *t, uint64_t count, const char *of_what)
{
	if (count == 0)
		return;
	text_add(t, " [");
	text_add_uint(t, count);
	text_add(t, of_what);
}

/*
 * The error that is left under CATRUST_STRICT=relax, or X509_V_OK. X509_V_ERR_UNSPECIFIED: there is
 * no anchor to lend, or the chain is good without relax.
 */
static int error_relaxed(const struct verification *v)
{
	struct crypto *c = v->crypto;
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(v->ctx);
	bool is_strict = (X509_VERIFY_PARAM_get_flags(param) & X509_V_FLAG_X509_STRICT) != 0;
	struct candidates found;
	bool any;
	int error;

	if (!lend_is_possible(c, v->ctx) ||
	    (config_is(SET_PUBLIC_ONLY) && !public_bundle(c, v->ctx)))
		return X509_V_ERR_UNSPECIFIED;
	any = candidates_find(&found, c, trust_enter(c), v->ctx);
	trust_leave();
	error = any ? policy_relaxed(&found) : X509_V_ERR_UNSPECIFIED;
	candidates_free(&found);
	return error == X509_V_OK && !is_strict ? X509_V_ERR_UNSPECIFIED : error;
}

static bool is_issued(const struct crypto *c, const struct trust *trust, const X509 *cert)
{
	size_t count = 0;

	if (trust != NULL && cert != NULL)
		trust_find(trust, X509_get_issuer_name(cert), &count);
	return count > 0;
}

/* Does an anchor have the name of the issuer of the leaf, or of a certificate that was sent? */
static bool is_named(const struct verification *v)
{
	const struct crypto *c = v->crypto;
	const struct trust *trust = trust_enter(v->crypto);
	const STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(v->ctx);
	bool named = is_issued(c, trust, X509_STORE_CTX_get0_cert(v->ctx));

	for (int i = 0; !named && i < certs_count(c, sent); i++)
		named = is_issued(c, trust, certs_at(c, sent, i));
	trust_leave();
	return named;
}

/*
 * If the program itself has a certificate with a name of the chain, an anchor is lent only if its
 * chain is good. Otherwise OpenSSL says that there is no issuer, although the CA is trusted. So the
 * remedy depends on what is left under CATRUST_STRICT=relax, as for an error that relax forgives.
 */
static enum remedy find_remedy(const struct verification *v, int error, struct text *t)
{
	const struct crypto *c = v->crypto;
	enum remedy as_it_is = hint_remedy(error, false), then;
	bool is_gap = is_untrusted(as_it_is);
	int left = is_gap || strict_forgives(error) ? error_relaxed(v) : X509_V_ERR_UNSPECIFIED;

	then = hint_remedy(left, left == X509_V_OK);
	if (left == X509_V_ERR_UNSPECIFIED || (is_gap && is_untrusted(then)))
		return as_it_is;
	if (is_gap)
		text_add(t, "; the CA is trusted, but: ");
	else if (left != X509_V_OK)
		text_add(t, "; CATRUST_STRICT=relax alone would not help: ");
	if (left != X509_V_OK)
		text_add(t, X509_verify_cert_error_string(left));
	else if (is_gap)
		text_add(t, "the chain breaks rules that Python 3.13 and newer enforce");
	return then;
}

static bool is_told(const struct verification *v)
{
	return log_wants(LOG_INFO) && ((v->crypto->lacks | v->ssl->lacks) & MESSAGES) == 0;
}

void hint_failed(const struct verification *v)
{
	const struct crypto *c = v->crypto;
	char host_buf[NAME_BYTES] = "", chain_buf[CHAIN_BYTES] = "", rest_buf[4 * NAME_BYTES] = "";
	struct text host = TEXT(host_buf), chain = TEXT(chain_buf), rest = TEXT(rest_buf);
	int error = X509_STORE_CTX_get_error(v->ctx);
	uint64_t more = 0, not_shown = 0;
	enum remedy remedy;

	if (!is_told(v))
		return;
	add_target(&host, v, "");
	if (is_due(hash_bytes(host_buf, strlen(host_buf)) * 31 + (uint64_t)error, &more,
		   &not_shown)) {
		remedy = find_remedy(v, error, &rest);
		add_chain(&chain, v, remedy);
		add_remedy(&rest, v, remedy);
		add_count(&rest, more, " more like this]");
		add_count(&rest, not_shown, " others not shown]");
		log_line(LOG_INFO, host_buf, ": ", X509_verify_cert_error_string(error), chain_buf,
			 rest_buf);
	}
}

void hint_used(const struct verification *v, struct trust_anchor *anchor)
{
	struct crypto *c = v->crypto;
	const struct ssl *s = v->ssl;
	char host_buf[NAME_BYTES] = "", name_buf[NAME_BYTES + 32] = "";
	struct text host = TEXT(host_buf), name = TEXT(name_buf);
	bool refuses;
	unsigned char how;

	/* If there is still an error, the program itself accepted it. */
	if (anchor == NULL || !is_told(v) || X509_STORE_CTX_get_error(v->ctx) != X509_V_OK)
		return;
	refuses = SSL_get_verify_mode(v->connection) != SSL_VERIFY_NONE;
	how = refuses ? ANCHOR_TRUSTED : ANCHOR_VERIFIED;
	if ((atomic_fetch_or(&anchor->used, how) & how) != 0)
		return;
	add_target(&host, v, "");
	add_name(&name, c, anchor->name);
	add_fingerprint(&name, c, trust_cert(c, anchor));
	log_line(LOG_INFO, host_buf, refuses ? " trusted" : " verified", " because of ", name_buf,
		 " in ", anchor->file,
		 refuses ? "" : " (SSL_VERIFY_NONE: the program decides whether that matters)");
}

void hint_passed(const struct verification *v)
{
	char host_buf[NAME_BYTES] = "";
	struct text host = TEXT(host_buf);
	uint64_t more = 0, not_shown = 0;

	if (!is_told(v) || !is_named(v))
		return;
	add_target(&host, v, "");
	if (is_due(hash_bytes(host_buf, strlen(host_buf)) * 31, &more, &not_shown))
		log_line(LOG_INFO, host_buf,
			 ": the certificates of the trust directory are not used, because the "
			 "program finds issuers in its own way or has TLSA records");
}
