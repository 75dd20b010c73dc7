/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_POLICY_H
#define CATRUST_POLICY_H

#include "policy/candidates.h"

/* What a verification gets instead of the program's store, while it runs. */
struct policy_loan {
	/* Trusted certificates; NULL: nothing is lent. Both stacks hold references. */
	STACK_OF(X509) * trusted;
	/*
	 * Links of the chain: what the server sent, and what may come between the leaf and an
	 * anchor.
	 */
	STACK_OF(X509) * untrusted;
	/* X509_V_FLAG_X509_STRICT finds only errors that CATRUST_STRICT=relax forgives. */
	bool relax;
};

/* What the user has set. */
struct policy_settings {
	bool relax; /* CATRUST_STRICT=relax */
	/*
	 * Is this a verification for which anchors count? NULL: every verification is.
	 * (CATRUST_CONTEXTS)
	 */
	bool (*is_meant)(const struct crypto *crypto, X509_STORE_CTX *ctx);
};

/*
 * Decides about a verification that has not begun. Nothing is lent if the program's own trust is
 * enough, or if the program would lose by it: whatever it accepts without us, it still accepts.
 */
struct policy_loan policy_decide(struct candidates *f, const struct policy_settings *settings);
void policy_free(const struct crypto *crypto, struct policy_loan *loan);

/* All of the program's own certificates, with references; NULL if there is no memory. */
STACK_OF(X509) * policy_own_certificates(const struct candidates *f);

/* The trust anchor of a chain: its depth, or -1 if the chain ends at none. The chain is that of
 * ctx, leaf first. */
int policy_anchor_depth(const struct crypto *crypto, const X509_STORE_CTX *ctx);

/*
 * The error with which a failed verification of a server would still fail under
 * CATRUST_STRICT=relax, or X509_V_OK.
 */
int policy_relaxed(struct candidates *f);

#endif
