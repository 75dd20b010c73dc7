/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LEND_H
#define CATRUST_LEND_H

#include "policy/policy.h"

/*
 * Lends anchors to one verification, and takes them back. No anchor is ever put into one of the
 * program's stores. The tool uses the same code, with the OpenSSL that it is linked with
 * (tools/catrust/verify/linked.c).
 */
struct loan;

/*
 * Does ctx find issuers in its store in OpenSSL's usual way? Otherwise the program decides in its
 * own way what it trusts, and nothing is lent.
 */
bool lend_is_possible(struct crypto *crypto, X509_STORE_CTX *ctx);

/*
 * A program has added a lookup method to a store. If the method is not one of OpenSSL's, nothing is
 * ever lent to that store.
 */
void lend_note_lookup(struct crypto *crypto, X509_STORE *store, const X509_LOOKUP_METHOD *method);

/*
 * Call this before the real X509_verify_cert(): it decides what to lend, and lends it. found and
 * wanted: what candidates_find() has found for the context, and what it returned. Takes over found.
 * Returns the loan to pass to lend_end() afterwards, or NULL if the context is unchanged.
 */
struct loan *lend_begin(struct candidates *found, bool wanted,
			const struct policy_settings *settings);
void lend_end(struct loan *loan, X509_STORE_CTX *ctx);

/* The anchor of the chain, if it was lent; *ret_depth is its depth. Valid until lend_end(). */
struct trust_anchor *lend_anchor(const struct loan *loan, X509_STORE_CTX *ctx, int *ret_depth);

#endif
