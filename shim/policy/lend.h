/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LEND_H
#define CATRUST_LEND_H

#include "policy/policy.h"

/*
 * Lends anchors to one verification, and takes them back. No certificate of ours is ever put into a
 * store of the program's. The tool judges by the same code, on the OpenSSL that it is linked with
 * (tools/catrust/verify/linked.c).
 */
struct loan;

/*
 * Does ctx find issuers in its store as OpenSSL does by itself? Otherwise the program decides in
 * its own way what it trusts, and nothing is lent.
 */
bool lend_is_possible(struct crypto *crypto, X509_STORE_CTX *ctx);

/* A program has given a store a way to find certificates. If it is not one of OpenSSL's, nothing is
 * ever lent there. */
void lend_note_lookup(struct crypto *crypto, X509_STORE *store, const X509_LOOKUP_METHOD *method);

/*
 * Before the real X509_verify_cert(): decides, and lends what was decided. found and wanted:
 * what candidates_find() has found for the context, and what it returned. It takes over found.
 * Returns what lend_end() is owed for afterwards, or NULL: the context is as it was.
 */
struct loan *lend_begin(struct candidates *found, bool wanted,
			const struct policy_settings *settings);
void lend_end(struct loan *loan, X509_STORE_CTX *ctx);

/* Are there anchors in it? NULL has none. */
bool lend_has_anchors(const struct loan *loan);

/* The anchor of the chain, if it is one that was lent; *ret_depth is its depth. Until lend_end().
 */
struct trust_anchor *lend_anchor(const struct loan *loan, X509_STORE_CTX *ctx, int *ret_depth);

#endif
