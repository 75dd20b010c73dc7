/* SPDX-License-Identifier: Apache-2.0 */
#include "dryrun.h"

#include "judge.h"

/* Python's default ciphers, and Debian's OpenSSL, ask for it. */
enum { SECURITY_LEVEL = 2 };

int dryrun_verify(STACK_OF(X509) * sent, const STACK_OF(X509) * anchors,
		  const struct scopes *scopes, const struct target *host, enum dryrun_client client,
		  struct dryrun *ret)
{
	const struct judge_store nothing = {.certs = NULL};
	const struct judge_anchors added = {.more = anchors, .more_scopes = scopes};
	struct judge_how how = {
		.flags = X509_V_FLAG_TRUSTED_FIRST,
		.level = SECURITY_LEVEL,
		.common_name = true,
		.relax = judge_is_relaxed(),
	};
	struct judgement judgement;

	if (client == DRYRUN_FROM_313)
		how.flags |= X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN;
	if (judge(&nothing, &added, sent, host, &how, &judgement) != 0)
		return -1;
	*ret = (struct dryrun){X509_V_OK, 0};
	if (judgement.count > 0)
		*ret = (struct dryrun){judgement.error[0].code, judgement.error[0].depth};
	judgement_clear(&judgement);
	return 0;
}
