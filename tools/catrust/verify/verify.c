/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify.h"

#include "openssl/public.h"
#include "policy/lend.h"
#include "verify/lent.h"
#include "verify/linked.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool verify_is_relaxed(void)
{
	const char *strict = getenv("CATRUST_STRICT");

	return strict != NULL && strcmp(strict, "relax") == 0;
}

bool verify_is_public_only(void)
{
	const char *contexts = getenv("CATRUST_CONTEXTS");

	return contexts != NULL && strcmp(contexts, "public") == 0;
}

void verify_store_clear(struct verify_store *store)
{
	sk_X509_pop_free(store->certs, X509_free);
	sk_X509_CRL_pop_free(store->crls, X509_CRL_free);
	store->certs = NULL;
	store->crls = NULL;
}

/* The revocation lists in store, with the caller's own references; NULL: out of memory. */
static STACK_OF(X509_CRL) * crls_of(X509_STORE *store)
{
	STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
	const STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);

	for (int i = 0; crls != NULL && i < sk_X509_OBJECT_num(objects); i++) {
		X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));

		if (crl == NULL)
			continue;
		if (X509_CRL_up_ref(crl) == 1 && sk_X509_CRL_push(crls, crl) <= 0)
			X509_CRL_free(crl);
	}
	return crls;
}

/* A temporary store reads the file, so that the same parts of it count as in libssl. */
static int read_file(const char *file, struct verify_store *ret, struct verify_load_error *error)
{
	X509_STORE *store = X509_STORE_new();
	int result = -1;

	ERR_clear_error();
	errno = 0;
	*error = (struct verify_load_error){ENOMEM, 0};
	if (store != NULL && X509_STORE_load_file(store, file) != 1) {
		*error = (struct verify_load_error){errno, errno == 0 ? ERR_peek_last_error() : 0};
	} else if (store != NULL) {
		ret->certs = X509_STORE_get1_all_certs(store);
		ret->crls = crls_of(store);
		result = ret->certs != NULL && ret->crls != NULL ? 0 : -1;
	}
	X509_STORE_free(store);
	ERR_clear_error();
	return result;
}

int verify_load(const char *file, const char *dir, struct verify_store *ret,
		struct verify_load_error *error)
{
	struct verify_store store = {.certs = NULL};

	if (dir != NULL && strlen(dir) >= sizeof(store.dir)) {
		*error = (struct verify_load_error){ENAMETOOLONG, 0};
		return -1;
	}
	if (dir != NULL)
		memcpy(store.dir, dir, strlen(dir) + 1);
	if (file != NULL && read_file(file, &store, error) != 0) {
		verify_store_clear(&store);
		return -1;
	}
	*ret = store;
	return 0;
}

/* A store with what the program itself trusts. */
static X509_STORE *new_store(const struct verify_store *own)
{
	X509_STORE *store = X509_STORE_new();
	bool ok = store != NULL;

	for (int i = 0; ok && i < sk_X509_num(own->certs); i++)
		ok = X509_STORE_add_cert(store, sk_X509_value(own->certs, i)) == 1;
	for (int i = 0; ok && i < sk_X509_CRL_num(own->crls); i++)
		ok = X509_STORE_add_crl(store, sk_X509_CRL_value(own->crls, i)) == 1;
	if (ok && own->dir[0] != '\0')
		ok = X509_STORE_load_path(store, own->dir) == 1;
	if (!ok) {
		X509_STORE_free(store);
		store = NULL;
	}
	return store;
}

struct work {
	const struct verify_how *how;
	struct verify_result *result;
};

static X509 *top_of(X509_STORE_CTX *ctx)
{
	const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);

	return sk_X509_num(chain) > 0 ? sk_X509_value(chain, sk_X509_num(chain) - 1) : NULL;
}

static void note(struct verify_result *j, int code, int depth, X509 *cert)
{
	for (size_t i = 0; i < j->count; i++)
		if (j->error[i].code == code && j->error[i].depth == depth)
			return;
	if (j->count == VERIFY_ERRORS)
		return;
	if (cert != NULL && X509_up_ref(cert) != 1)
		cert = NULL;
	j->error[j->count++] = (struct verify_error){code, depth, cert};
}

/* INVALID_CA is old; only its number is new. */
static bool is_new_in_3(int code)
{
	return code >= X509_V_ERR_UNSUPPORTED_SIGNATURE_ALGORITHM && code != X509_V_ERR_INVALID_CA;
}

static int on_error(int ok, X509_STORE_CTX *ctx)
{
	const struct work *w = X509_STORE_CTX_get_app_data(ctx);
	int code = X509_STORE_CTX_get_error(ctx);

	if (ok)
		return 1;
	if (w->how->before_3 && is_new_in_3(code)) {
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	}
	note(w->result, code, X509_STORE_CTX_get_error_depth(ctx),
	     X509_STORE_CTX_get_current_cert(ctx));
	return 1;
}

static bool set_host(X509_VERIFY_PARAM *param, const struct target *host,
		     const struct verify_how *how)
{
	unsigned flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;

	if (!how->common_name)
		flags |= X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
	X509_VERIFY_PARAM_set_hostflags(param, flags);
	if (how->name_last)
		return true;
	return (host->is_ip ? X509_VERIFY_PARAM_set1_ip_asc(param, host->host)
			    : X509_VERIFY_PARAM_set1_host(param, host->host, 0)) == 1;
}

static void check_name(X509 *cert, const struct target *host, struct verify_result *j)
{
	if (host->is_ip && X509_check_ip_asc(cert, host->host, 0) != 1)
		note(j, X509_V_ERR_IP_ADDRESS_MISMATCH, 0, cert);
	if (!host->is_ip &&
	    X509_check_host(cert, host->host, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) != 1)
		note(j, X509_V_ERR_HOSTNAME_MISMATCH, 0, cert);
}

/* OpenSSL checks a certificate's authority key identifier only when its issuer is there. The sent
 * certificate shows already that it will be missing then. */
static void check_top(X509_STORE_CTX *ctx, const struct work *w)
{
	const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	int depth = sk_X509_num(chain) - 1;
	X509 *top = top_of(ctx);
	bool is_gap = false;

	for (size_t i = 0; i < w->result->count; i++)
		is_gap = is_gap ||
			 w->result->error[i].code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
			 w->result->error[i].code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT;
	if (is_gap && top != NULL && (w->how->flags & X509_V_FLAG_X509_STRICT) != 0 &&
	    !w->how->relax && !w->how->before_3 &&
	    (X509_get_extension_flags(top) & EXFLAG_SI) == 0 &&
	    X509_get0_authority_key_id(top) == NULL)
		note(w->result, X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER, depth, top);
}

int verify_chain(const struct verify_store *own, const struct verify_anchors *anchors,
		 STACK_OF(X509) * sent, const struct target *host, const struct verify_how *how,
		 struct verify_result *ret)
{
	struct verify_result result = {.count = 0};
	struct work work = {.how = how, .result = &result};
	const struct policy_settings settings = {
		.relax = how->relax,
		.is_meant = how->public_only ? public_bundle : NULL,
	};
	STACK_OF(X509) *untrusted = X509_chain_up_ref(sent);
	X509_STORE *store = new_store(own);
	struct trust *trust = lent_trust(anchors);
	struct candidates found;
	struct loan *loan;
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	int status = -1, error;
	bool wanted, verified;

	if (untrusted == NULL || store == NULL || trust == NULL || ctx == NULL ||
	    X509_STORE_CTX_init(ctx, store, sk_X509_value(untrusted, 0), untrusted) != 1 ||
	    X509_STORE_CTX_set_default(ctx, "ssl_server") != 1)
		goto out;
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(param, how->flags);
	X509_VERIFY_PARAM_set_auth_level(param, how->level);
	if (!set_host(param, host, how))
		goto out;
	X509_STORE_CTX_set_app_data(ctx, &work);
	X509_STORE_CTX_set_verify_cb(ctx, on_error);
	/* The same code decides in libcatrust.so, so the two can't disagree. */
	wanted = candidates_find(&found, linked_crypto(), trust, ctx);
	loan = lend_begin(&found, wanted, &settings);
	verified = X509_verify_cert(ctx) == 1;
	if (loan != NULL)
		lend_end(loan, ctx);
	if (!verified && result.count == 0) {
		error = X509_STORE_CTX_get_error(ctx);
		if (error == X509_V_ERR_OUT_OF_MEM)
			goto out;
		note(&result, error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error,
		     X509_STORE_CTX_get_error_depth(ctx), NULL);
	}
	check_top(ctx, &work);
	if (how->name_last)
		check_name(sk_X509_value(untrusted, 0), host, &result);
	*ret = result;
	result.count = 0;
	status = 0;
out:
	verify_result_clear(&result);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	if (trust != NULL)
		trust_free(trust);
	sk_X509_pop_free(untrusted, X509_free);
	ERR_clear_error();
	return status;
}

void verify_result_clear(struct verify_result *j)
{
	for (size_t i = 0; i < j->count; i++)
		X509_free(j->error[i].cert);
	j->count = 0;
}
