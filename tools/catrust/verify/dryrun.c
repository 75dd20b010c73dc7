/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/dryrun.h"

#include "verify/verify.h"

/* Python's default ciphers require it, and so does Debian's OpenSSL. */
enum { SECURITY_LEVEL = 2 };

int dryrun_verify(STACK_OF(X509) * sent, const STACK_OF(X509) * anchors,
		  const struct scopes *scopes, const struct target *host, enum dryrun_client client,
		  struct dryrun *ret)
{
	const struct verify_store nothing = {.certs = NULL};
	const struct verify_anchors added = {.more = anchors, .more_scopes = scopes};
	struct verify_how how = {
		.flags = X509_V_FLAG_TRUSTED_FIRST,
		.level = SECURITY_LEVEL,
		.common_name = true,
		.relax = verify_is_relaxed(),
	};
	struct verify_result result;

	if (client == DRYRUN_FROM_313)
		how.flags |= X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN;
	if (verify_chain(&nothing, &added, sent, host, &how, &result) != 0)
		return -1;
	*ret = (struct dryrun){X509_V_OK, 0};
	if (result.count > 0)
		*ret = (struct dryrun){result.error[0].code, result.error[0].depth};
	verify_result_clear(&result);
	return 0;
}
