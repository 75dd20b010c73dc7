/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GnuTLS, as Debian's git, wget and curl's GnuTLS flavour use it. Credentials there belong to no
 * role: a program may use the same for clients and servers. So the anchors never get into them.
 * Where the program, as a client, verifies a server whose issuer it does not know, the same
 * verification is done once more with credentials that have the anchors alone, and counts if that
 * knows the issuer. All else that was found stays.
 *
 * A scope can't be enforced there: an anchor that has one is left out. Nor can the program's
 * revocation lists be had back from its credentials: where there are any, nothing is trusted by an
 * anchor.
 */
#include "gnutls/gnutls_api.h"

#include "libc/text.h"
#include "openssl/binding.h"
#include "openssl/object.h"
#include "openssl/public.h"
#include "process/config.h"
#include "process/dl.h"
#include "process/edition.h"
#include "process/log.h"
#include "process/seen.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>

#define EXPORT __attribute__((visibility("default")))

/* What the shim itself calls. All of it is in GnuTLS 3.4 and later. */
#define GNUTLS_API(X)                                                                              \
	X(gnutls_certificate_allocate_credentials)                                                 \
	X(gnutls_certificate_free_credentials)                                                     \
	X(gnutls_certificate_get_trust_list)                                                       \
	X(gnutls_certificate_get_verify_flags)                                                     \
	X(gnutls_certificate_set_verify_flags)                                                     \
	X(gnutls_certificate_set_x509_trust_mem)                                                   \
	X(gnutls_credentials_get)                                                                  \
	X(gnutls_credentials_set)                                                                  \
	X(gnutls_server_name_get)                                                                  \
	X(gnutls_x509_crt_deinit)                                                                  \
	X(gnutls_x509_crt_export)                                                                  \
	X(gnutls_x509_trust_list_iter_get_ca)

#define API_SLOT(name) __typeof__(name) *name;

/* The copy of GnuTLS behind one call of a hooked function. */
struct gnutls {
	void *handle;
	bool usable;
	struct {
#define HOOK_GNUTLS(kind, name, ...) __typeof__(name) *name;
#include "hooks.def"
	} real;
	struct {
		GNUTLS_API(API_SLOT)
	} api;
};

/*
 * The copy that this thread is running. The real functions call each other through the hooks, and
 * by tail calls, too; then the shim itself seems to be the caller.
 */
static _Thread_local const struct gnutls *current;

/* dlsym() returns function pointers as object pointers; POSIX guarantees that they are the same. */
#define LOOK_UP(slot, g, name) (*(void **)&(slot) = dl_symbol((g)->handle, name))

static bool find_copy(struct gnutls *g, const char *name, const void *caller)
{
	const void *real = binding_real(name, caller);
	struct object where;

	*g = (struct gnutls){.usable = config_active()};
	if (real == NULL || !object_at(real, &where))
		return false;
	g->handle = object_open(&where);
	if (g->handle == NULL)
		return false;
#define HOOK_GNUTLS(kind, name, ...) LOOK_UP(g->real.name, g, #name);
#include "hooks.def"
#define LOOK_UP_API(name) g->usable = g->usable && LOOK_UP(g->api.name, g, #name) != NULL;
	GNUTLS_API(LOOK_UP_API)
	return true;
}

/* Only a server's session can be asked for the name that the client sent. */
static bool is_client(const struct gnutls *g, gnutls_session_t session)
{
	char name[256];
	size_t len = sizeof(name);
	unsigned type = 0;

	return g->api.gnutls_server_name_get(session, name, &len, &type, 0) ==
	       API_E_INVALID_REQUEST;
}

/*
 * The trust lists to which revocation lists were added. None is removed: if the address of a freed
 * list is used again, the new list gets no anchors, at worst. The last place stands for all lists
 * that found no other place.
 */
static _Atomic(gnutls_x509_trust_list_t) with_crls[64];
enum { WITH_CRLS = sizeof(with_crls) / sizeof(*with_crls) };

static void note_crls(gnutls_x509_trust_list_t list)
{
	for (size_t i = 0; i < WITH_CRLS; i++) {
		gnutls_x509_trust_list_t there = NULL;

		if (atomic_compare_exchange_strong(&with_crls[i], &there, list) || there == list)
			return;
	}
}

static bool has_crls(gnutls_x509_trust_list_t list)
{
	for (size_t i = 0; i < WITH_CRLS; i++) {
		gnutls_x509_trust_list_t there = atomic_load(&with_crls[i]);

		if (there == NULL || there == list)
			return there != NULL;
	}
	return true;
}

static gnutls_x509_trust_list_t list_of(const struct gnutls *g,
					gnutls_certificate_credentials_t credentials)
{
	gnutls_x509_trust_list_t list = NULL;

	if (g->usable)
		g->api.gnutls_certificate_get_trust_list(credentials, &list);
	return list;
}

/* For CATRUST_CONTEXTS=public: do the program's credentials trust the public CAs? */
static bool has_public_cas(const struct gnutls *g, gnutls_certificate_credentials_t credentials)
{
	struct public_roots roots = {{false}};
	gnutls_x509_trust_list_t list = list_of(g, credentials);
	gnutls_x509_trust_list_iter_t iter = NULL;
	gnutls_x509_crt_t crt;
	unsigned char der[8192];

	/* The iterator is freed only at the end, so the loop must not stop early. */
	while (list != NULL && g->api.gnutls_x509_trust_list_iter_get_ca(list, &iter, &crt) >= 0) {
		size_t len = sizeof(der);

		if (g->api.gnutls_x509_crt_export(crt, API_X509_FMT_DER, der, &len) >= 0)
			public_note(&roots, der, len);
		g->api.gnutls_x509_crt_deinit(crt);
	}
	return public_roots_suffice(&roots);
}

/*
 * One verification. It keeps the program's credentials while the session has those with the
 * anchors.
 */
struct verification {
	struct gnutls copy;
	const struct gnutls *gnutls, *outer;
	void *credentials;
	gnutls_certificate_credentials_t anchors;
	size_t added, left_out; /* anchors; those that have a scope are left out */
	int saved_errno;	/* the program's errno, before the call and after */
};

static bool add_anchor(void *arg, const struct anchor *anchor)
{
	struct verification *v = arg;
	gnutls_datum_t der = {(unsigned char *)(uintptr_t)anchor->der, (unsigned)anchor->der_len};

	if (anchor->scopes != NULL)
		v->left_out++;
	else if (anchor->der_len <= INT_MAX && v->gnutls->api.gnutls_certificate_set_x509_trust_mem(
						       v->anchors, &der, API_X509_FMT_DER) > 0)
		v->added++;
	return true;
}

/*
 * Makes credentials that have the anchors, and check as strictly as the program's. Returns false if
 * there are no anchors. The limits of gnutls_certificate_set_verify_limits() need no copy: a chain
 * that exceeds them fails the first verification with any issuer.
 */
static bool make_credentials(struct verification *v)
{
	const struct gnutls *g = v->gnutls;

	if (g->api.gnutls_certificate_allocate_credentials(&v->anchors) < 0) {
		v->anchors = NULL;
		return false;
	}
	g->api.gnutls_certificate_set_verify_flags(
		v->anchors, g->api.gnutls_certificate_get_verify_flags(v->credentials));
	edition_each(add_anchor, v);
	return v->added > 0;
}

static bool begin(struct verification *v, const char *name, const void *caller)
{
	*v = (struct verification){.outer = current, .saved_errno = errno};
	v->gnutls = current;
	if (current == NULL) {
		if (!find_copy(&v->copy, name, caller))
			return false;
		v->gnutls = current = &v->copy;
	}
	errno = v->saved_errno;
	return true;
}

/*
 * Must the server be verified again? If so, the session now has the credentials with the anchors.
 */
static bool begin_again(struct verification *v, gnutls_session_t session, int ret,
			const unsigned *status)
{
	const struct gnutls *g = v->gnutls;

	v->saved_errno = errno;
	if (v->outer != NULL || !g->usable || ret < 0 || status == NULL ||
	    (*status & API_CERT_SIGNER_NOT_FOUND) == 0 || !is_client(g, session) ||
	    g->api.gnutls_credentials_get(session, API_CRD_CERTIFICATE, &v->credentials) < 0 ||
	    v->credentials == NULL ||
	    (config_is(SET_PUBLIC_ONLY) && !has_public_cas(g, v->credentials)))
		return false;
	return make_credentials(v) &&
	       g->api.gnutls_credentials_set(session, API_CRD_CERTIFICATE, v->anchors) >= 0;
}

/* Each of these is logged once in a process. */
static void tell(atomic_flag *told, enum log_level level, const char *what, const char *more)
{
	if (log_wants(level) && !atomic_flag_test_and_set(told))
		log_line(level, "GnuTLS: ", what, more);
}

static void tell_left_out(size_t count)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	char buf[24];
	struct text number = TEXT(buf);

	text_add_uint(&number, count);
	tell(&told, LOG_INFO,
	     "a server was not trusted; certificates not used, because they have a scope: ", buf);
}

static const unsigned UNKNOWN_ISSUER = API_CERT_INVALID | API_CERT_SIGNER_NOT_FOUND;

/* first: the result with the program's credentials; second: with the anchors'. */
static void end_again(struct verification *v, gnutls_session_t session, int ret, unsigned second,
		      unsigned *first)
{
	static atomic_flag trusted = ATOMIC_FLAG_INIT, revocable = ATOMIC_FLAG_INIT;

	v->gnutls->api.gnutls_credentials_set(session, API_CRD_CERTIFICATE, v->credentials);
	if (ret < 0 || (second & API_CERT_SIGNER_NOT_FOUND) != 0)
		return;
	v->left_out = 0;
	if (has_crls(list_of(v->gnutls, v->credentials))) {
		tell(&revocable, LOG_ERROR,
		     "a server is not trusted although its CA is in a trust directory: the program "
		     "uses revocation lists, which catrust can't check. Name the CA in the "
		     "program's own settings",
		     NULL);
		return;
	}
	*first = (*first & ~UNKNOWN_ISSUER) | second;
	if (*first != 0)
		*first |= API_CERT_INVALID;
	else
		tell(&trusted, LOG_INFO, "a server was trusted because of a trust directory", NULL);
}

static void end(struct verification *v)
{
	if (v->left_out > 0)
		tell_left_out(v->left_out);
	if (v->anchors != NULL)
		v->gnutls->api.gnutls_certificate_free_credentials(v->anchors);
	current = v->outer;
	if (v->outer == NULL && v->copy.handle != NULL)
		dl_close(v->copy.handle);
}

#define HOOK_GNUTLS_CRL(name, params, args, list_at, has_any)                                      \
	EXPORT int name params                                                                     \
	{                                                                                          \
		struct verification v;                                                             \
		const struct gnutls *g;                                                            \
		int ret = API_E_INTERNAL_ERROR;                                                    \
                                                                                                   \
		if (!begin(&v, #name, __builtin_return_address(0)) || v.gnutls->real.name == NULL) \
			goto out;                                                                  \
		g = v.gnutls;                                                                      \
		ret = g->real.name args;                                                           \
		v.saved_errno = errno;                                                             \
		if (has_any)                                                                       \
			note_crls(list_at);                                                        \
	out:                                                                                       \
		end(&v);                                                                           \
		errno = v.saved_errno;                                                             \
		return ret;                                                                        \
	}

#define HOOK_GNUTLS_VERIFY(name, params, args)                                                     \
	EXPORT int name params                                                                     \
	{                                                                                          \
		struct verification v;                                                             \
		int ret = API_E_INTERNAL_ERROR;                                                    \
                                                                                                   \
		if (!begin(&v, #name, __builtin_return_address(0)) || v.gnutls->real.name == NULL) \
			goto out;                                                                  \
		seen_note(seen.verified, (uintptr_t)v.gnutls->real.name);                          \
		ret = v.gnutls->real.name args;                                                    \
		if (begin_again(&v, session, ret, status)) {                                       \
			unsigned *first = status, second = UNKNOWN_ISSUER;                         \
			int again;                                                                 \
                                                                                                   \
			status = &second;                                                          \
			again = v.gnutls->real.name args;                                          \
			end_again(&v, session, again, second, first);                              \
		}                                                                                  \
	out:                                                                                       \
		end(&v);                                                                           \
		errno = v.saved_errno;                                                             \
		return ret;                                                                        \
	}

#define HOOK_GNUTLS(kind, ...) HOOK_GNUTLS_##kind(__VA_ARGS__)
#include "hooks.def"
