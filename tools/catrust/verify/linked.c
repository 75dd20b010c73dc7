/* SPDX-License-Identifier: Apache-2.0 */
/* Replaces shim/openssl/binding.c: what the code that lends anchors needs, without searching for
 * it. */
#include "verify/linked.h"

#include "policy/trust.h"

/* The code that lends anchors calls nothing else of OpenSSL: see shim/openssl/openssl.def. */
#define LINK_LENDING(name) .name = (name),
#define LINK_SCOPES(name) .name = (name),
#define LINK_PUBLIC(name) .name = (name),
#define LINK_MESSAGES(name)
#define LINK_SHARING(name)
#define LINK_OPTIONAL(name)

static struct crypto linked = {
	.usable = true,
	.real = {.X509_verify_cert = X509_verify_cert},
	.api =
		{
#define OPENSSL_CRYPTO(use, name) LINK_##use(name)
#include "openssl/openssl.def"
		},
	.loan_index = -1,
	.lookup_index = -1,
	.directory_index = -1,
};

struct crypto *linked_crypto(void)
{
	return &linked;
}

struct crypto *binding_calling(const void *caller)
{
	(void)caller;
	return &linked;
}

struct binding_scope binding_work_begin(struct crypto *crypto)
{
	(void)crypto;
	ERR_set_mark();
	return (struct binding_scope){.last = NULL};
}

void binding_work_end(struct crypto *crypto, struct binding_scope scope)
{
	(void)crypto;
	(void)scope;
	ERR_pop_to_mark();
}

/* The tool clears the queue itself. */
void binding_work_forget(const struct crypto *crypto)
{
	(void)crypto;
}

/* The commands that read trust directories report it themselves. */
void trust_tell_unreadable(const char *file, size_t line)
{
	(void)file;
	(void)line;
}
