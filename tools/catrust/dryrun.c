/* SPDX-License-Identifier: Apache-2.0 */
#include "dryrun.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* Python's default ciphers, and Debian's OpenSSL, ask for it. */
enum { SECURITY_LEVEL = 2 };

/* Marked for TLS servers alone, as libcatrust.so marks what it adds. */
static bool add_marked(X509_STORE *store, const X509 *anchor)
{
	X509 *marked = X509_dup(anchor);
	bool ok = marked != NULL &&
		  X509_add1_trust_object(marked, OBJ_nid2obj(NID_server_auth)) == 1 &&
		  X509_STORE_add_cert(store, marked) == 1;

	X509_free(marked);
	return ok;
}

static X509_STORE *store_with(const STACK_OF(X509) * anchors)
{
	X509_STORE *store = X509_STORE_new();

	for (int i = 0; store != NULL && i < sk_X509_num(anchors); i++) {
		if (add_marked(store, sk_X509_value(anchors, i)))
			continue;
		X509_STORE_free(store);
		store = NULL;
	}
	return store;
}

int dryrun_verify(STACK_OF(X509) * sent, const STACK_OF(X509) * anchors, const struct target *host,
		  enum dryrun_client client, struct dryrun *ret)
{
	unsigned long flags = X509_V_FLAG_TRUSTED_FIRST;
	STACK_OF(X509) *untrusted = X509_chain_up_ref(sent);
	X509_STORE *store = store_with(anchors);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	int result = -1;

	if (client == DRYRUN_FROM_313)
		flags |= X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN;
	if (untrusted == NULL || store == NULL || ctx == NULL ||
	    X509_STORE_CTX_init(ctx, store, sk_X509_value(untrusted, 0), untrusted) != 1 ||
	    X509_STORE_CTX_set_default(ctx, "ssl_server") != 1)
		goto out;
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(param, flags);
	X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if ((host->is_ip ? X509_VERIFY_PARAM_set1_ip_asc(param, host->host)
			 : X509_VERIFY_PARAM_set1_host(param, host->host, 0)) != 1)
		goto out;
	if (X509_verify_cert(ctx) == 1) {
		*ret = (struct dryrun){X509_V_OK, 0};
	} else {
		ret->error = X509_STORE_CTX_get_error(ctx);
		ret->depth = X509_STORE_CTX_get_error_depth(ctx);
		if (ret->error == X509_V_OK || ret->error == X509_V_ERR_OUT_OF_MEM)
			goto out;
	}
	result = 0;
out:
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	sk_X509_pop_free(untrusted, X509_free);
	ERR_clear_error();
	return result;
}
