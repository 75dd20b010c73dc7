/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks/stacks.h"

#include <stdio.h>
#include <string.h>

static const struct stacks_use *main_of(const struct stacks_program *p)
{
	for (size_t u = 0; u < p->use_count; u++)
		if (p->use[u].is_main)
			return &p->use[u];
	return NULL;
}

/*
 * A dynamic linker that was started by its name is static, but the program that it starts is not.
 */
static bool is_linker(const struct stacks_use *use)
{
	const char *slash = strrchr(use->path, '/');
	const char *name = slash == NULL ? use->path : slash + 1;

	return strncmp(name, "ld-", 3) == 0 || strncmp(name, "ld.so", 5) == 0;
}

/* If not, it ended before the dynamic linker had loaded any; preloaded libraries come first. */
static bool has_libraries(const struct stacks_program *p)
{
	for (size_t u = 0; u < p->use_count; u++)
		if (!p->use[u].is_main && !is_linker(&p->use[u]))
			return true;
	return false;
}

enum stacks_reason stacks_lost(const struct stacks_program *program)
{
	const struct stacks_use *self = main_of(program);

	if (program->is_preloaded)
		return REASON_NONE;
	if (self != NULL && self->file != NULL) {
		if (!self->file->elf.is_64 ||
		    (program->machine != 0 && self->file->elf.machine != program->machine))
			return REASON_OTHER_MACHINE;
		if (!self->file->elf.has_interpreter && !is_linker(self))
			return REASON_STATIC;
	}
	if (program->is_secure)
		return REASON_SECURE;
	if (!program->is_named)
		return program->is_found ? REASON_ALONE : REASON_CLEARED;
	return has_libraries(program) ? REASON_NOT_LOADED : REASON_NONE;
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* The libcrypto of a libssl: the one that it names, or else the only one. */
static const struct stacks_use *crypto_of(const struct stacks_program *p, const struct elffile *ssl)
{
	const struct stacks_use *any = NULL;

	for (size_t u = 0; u < p->use_count; u++) {
		const struct tls_file *f = p->use[u].file;

		if (f == NULL || !f->has_crypto)
			continue;
		if (strcmp(f->elf.soname, ssl->crypto) == 0 ||
		    strcmp(name_of(p->use[u].path), ssl->crypto) == 0)
			return &p->use[u];
		any = any == NULL ? &p->use[u] : any;
	}
	return any;
}

static bool is_old(const struct tls_stack *stack)
{
	return strncmp(stack->version, "0.", 2) == 0 || strncmp(stack->version, "1.0.", 4) == 0 ||
	       strncmp(stack->version, "1.1.0", 5) == 0;
}

static bool is_openssl_like(enum tls_kind kind)
{
	return kind == TLS_OPENSSL || kind == TLS_LIBRESSL || kind == TLS_BORINGSSL ||
	       kind == TLS_AWS_LC;
}

/* Does the dynamic linker find another X509_verify_cert before the library's? */
static bool is_own(const struct stacks_program *p, const struct stacks_use *use,
		   enum tls_linkage linkage)
{
	const struct stacks_use *self = main_of(p);

	if (linkage == TLS_HIDDEN)
		return true;
	if (linkage == TLS_EXPORTED && use->file->elf.verify_slot == 0)
		return true;
	return self != NULL && self->file != NULL &&
	       self->file->elf.name[NAME_VERIFY] == SYMBOL_DEFINED;
}

/* Does the library export the function? */
static bool is_hooked(const struct stacks_program *p, enum elffile_name name)
{
	for (size_t u = 0; u < p->use_count; u++)
		if (strcmp(name_of(p->use[u].path), "libcatrust.so") == 0)
			/* If it was replaced and can't be read, it is assumed to be like this
			 * version. */
			return p->use[u].file == NULL ||
			       p->use[u].file->elf.name[name] == SYMBOL_DEFINED;
	return false;
}

static bool imports_any(const struct tls_file *f, enum elffile_name first, enum elffile_name last)
{
	for (int name = (int)first; f != NULL && name <= (int)last; name++)
		if (f->elf.name[name] == SYMBOL_IMPORTED)
			return true;
	return false;
}

/* GnuTLS: does any file verify with a hooked function? */
static enum stacks_reason through_peers(const struct stacks_program *p)
{
	if (!is_hooked(p, NAME_PEERS3))
		return REASON_OTHER_LIBRARY;
	for (size_t u = 0; u < p->use_count; u++)
		if (strcmp(name_of(p->use[u].path), "libcatrust.so") != 0 &&
		    imports_any(p->use[u].file, NAME_PEERS, NAME_SET_VERIFY))
			return REASON_NONE;
	return REASON_OTHER_VERIFY;
}

/* Programs that contain the public roots, so that no file is needed for them. */
static bool has_own_roots(const struct stacks_program *p, const struct tls_file *f)
{
	return (f->elf.name[NAME_NAPI] == SYMBOL_DEFINED && !p->openssl_ca) ||
	       (f->variables & 1U << VARIABLE_GRPC_ROOTS) != 0;
}

static enum stacks_reason through_hooks(const struct stacks_program *p,
					const struct stacks_use *use, const struct tls_stack *stack)
{
	if (stack->kind == TLS_GNUTLS && stack->linkage == TLS_SHARED)
		return through_peers(p);
	if (!is_openssl_like(stack->kind))
		return REASON_OTHER_LIBRARY;
	if (stack->kind != TLS_OPENSSL)
		return stack->linkage == TLS_SHARED ? REASON_OTHER_LIBRARY : REASON_OWN;
	if (is_old(stack))
		return REASON_OLD;
	if (use->slot == SLOT_HOOKED)
		return REASON_NONE;
	if (is_own(p, use, stack->linkage))
		return REASON_OWN;
	return use->slot == SLOT_ELSEWHERE ? REASON_LOOKS_PAST : REASON_NONE;
}

static enum stacks_reason through_files(const struct stacks_program *p,
					const struct stacks_use *use)
{
	if (has_own_roots(p, use->file))
		return REASON_BUILT_IN;
	return p->files_off || !is_hooked(p, NAME_FOPEN) ? REASON_FILES_OFF : REASON_NONE;
}

/* The variables that are known to the file with the stack, to its libcrypto, or to the program. */
static unsigned variables_of(const struct stacks_program *p, const struct stacks_use *use,
			     enum tls_kind kind)
{
	const struct stacks_use *self = main_of(p);
	const struct stacks_use *crypto = crypto_of(p, &use->file->elf);
	unsigned known = use->file->variables;

	/* A shared library knows them for all programs, so only set variables count. */
	if (kind == TLS_OPENSSL && crypto != NULL)
		known |= crypto->file->variables & p->set;
	/* The program itself reads those of curl and git, whatever library it uses. */
	if (self != NULL && self->file != NULL)
		known |= self->file->variables &
			 ~(1U << VARIABLE_SSL_CERT_FILE | 1U << VARIABLE_NODE_EXTRA_CA_CERTS);
	if (kind == TLS_GNUTLS || kind == TLS_NSS)
		known &= ~(1U << VARIABLE_SSL_CERT_FILE);
	return kind == TLS_JAVA ? 0 : known;
}

/* Variables that add come first, then those that replace. */
static int first_of(unsigned bits)
{
	for (int i = 0; i < TLS_VARIABLES; i++)
		if ((bits & 1U << i) != 0)
			return i;
	return -1;
}

static void through_environment(const struct stacks_program *p, const struct stacks_use *use,
				struct stacks_verdict *v)
{
	unsigned known = variables_of(p, use, v->stack.kind);
	int good = first_of(known & p->set & p->good);

	v->known = known;
	v->variable = good >= 0 ? good : first_of(known);
	v->variable_lacks = good < 0 && v->variable >= 0 && (p->set & 1U << v->variable) != 0;
	if (v->layer == LAYER_NONE && (good >= 0 || (v->stack.kind == TLS_JAVA && p->java_store)))
		v->layer = LAYER_ENVIRONMENT;
}

/* Debian's libldap and librtmp load GnuTLS into every program with libcurl or libpq, whose TLS is
 * OpenSSL's. */
static bool is_aside(const struct stacks_program *p, const struct stacks_use *use)
{
	bool any = false;

	if (use->file->elf.name[NAME_GNUTLS] != SYMBOL_DEFINED)
		return false;
	for (size_t u = 0; u < p->use_count; u++) {
		const char *name = name_of(p->use[u].path);

		if (p->use[u].file == NULL ||
		    p->use[u].file->elf.name[NAME_GNUTLS] != SYMBOL_IMPORTED)
			continue;
		if (strncmp(name, "libldap", 7) != 0 && strncmp(name, "librtmp", 7) != 0)
			return false;
		any = true;
	}
	return any;
}

struct stacks_verdict stacks_judge(const struct stacks_program *program, size_t u, size_t i)
{
	const struct stacks_use *use = &program->use[u];
	struct stacks_verdict v = {.stack = use->file->stack[i], .variable = -1};
	const struct stacks_use *crypto = NULL;

	if (v.stack.linkage == TLS_SHARED && v.stack.kind == TLS_OPENSSL) {
		crypto = crypto_of(program, &use->file->elf);
		if (crypto != NULL) {
			v.stack = crypto->file->crypto;
			v.stack.linkage = TLS_SHARED;
		}
	}
	v.reason = stacks_lost(program);
	if (v.reason == REASON_NONE && program->is_disabled)
		v.reason = REASON_DISABLED;
	if (v.reason == REASON_NONE) {
		v.reason = through_hooks(program, use, &v.stack);
		if (v.reason == REASON_NONE) {
			v.layer = LAYER_HOOKS;
		} else if (is_openssl_like(v.stack.kind) && v.stack.linkage != TLS_SHARED) {
			enum stacks_reason files = through_files(program, use);

			v.layer = files == REASON_NONE ? LAYER_FILES : LAYER_NONE;
			if (files != REASON_NONE && v.reason == REASON_OWN)
				v.reason = files;
		}
	}
	if (v.layer == LAYER_NONE || v.layer == LAYER_FILES)
		through_environment(program, use, &v);
	v.is_aside = v.layer == LAYER_NONE && is_aside(program, use);
	if (v.is_aside) {
		v.variable = -1;
		v.known = 0;
	}
	if (v.layer != LAYER_NONE)
		v.reason = REASON_NONE;
	v.is_seen = v.layer == LAYER_HOOKS ? (crypto == NULL ? use : crypto)->is_verified
					   : v.layer == LAYER_FILES && use->is_served;
	return v;
}

enum stacks_result stacks_result(const struct stacks_verdict *v)
{
	if (v->layer == LAYER_NONE)
		return RESULT_NO;
	return v->is_seen ? RESULT_YES : RESULT_UNKNOWN;
}

const char *stacks_kind_text(enum tls_kind kind)
{
	static const char *const text[TLS_KINDS] = {
		[TLS_OPENSSL] = "OpenSSL",
		[TLS_LIBRESSL] = "LibreSSL",
		[TLS_BORINGSSL] = "BoringSSL",
		[TLS_AWS_LC] = "AWS-LC",
		[TLS_GNUTLS] = "GnuTLS",
		[TLS_NSS] = "NSS",
		[TLS_MBEDTLS] = "Mbed TLS",
		[TLS_WOLFSSL] = "wolfSSL",
		[TLS_GO] = "Go crypto/tls",
		[TLS_RUSTLS] = "rustls",
		[TLS_JAVA] = "Java JSSE",
		[TLS_ERLANG] = "Erlang's ssl",
		[TLS_UNKNOWN] = "an unknown TLS library",
	};

	return text[kind];
}

const char *stacks_reason_name(enum stacks_reason reason)
{
	static const char *const name[REASONS] = {
		[REASON_NONE] = "",
		[REASON_STATIC] = "static",
		[REASON_OTHER_MACHINE] = "other-machine",
		[REASON_SECURE] = "privileged",
		[REASON_CLEARED] = "environment-cleared",
		[REASON_ALONE] = "not-preloaded",
		[REASON_NOT_LOADED] = "not-loaded",
		[REASON_DISABLED] = "disabled",
		[REASON_OLD] = "too-old",
		[REASON_LOOKS_PAST] = "not-interposed",
		[REASON_OWN] = "linked-in",
		[REASON_FILES_OFF] = "linked-in-no-file-layer",
		[REASON_BUILT_IN] = "linked-in-own-roots",
		[REASON_OTHER_VERIFY] = "own-verification",
		[REASON_OTHER_LIBRARY] = "other-library",
	};

	return name[reason];
}

const char *stacks_layer_name(enum stacks_layer layer)
{
	switch (layer) {
	case LAYER_HOOKS:
		return "hooks";
	case LAYER_FILES:
		return "files";
	case LAYER_ENVIRONMENT:
		return "environment";
	default:
		return NULL;
	}
}

const char *stacks_reason_text(enum stacks_reason reason)
{
	static const char *const text[REASONS] = {
		[REASON_NONE] = "",
		[REASON_STATIC] = "the program is linked statically, so nothing can be preloaded",
		[REASON_OTHER_MACHINE] =
			"the program is for another machine or word size than the library",
		[REASON_SECURE] = "the program is setuid or setgid or has file capabilities, and "
				  "ld.so then ignores LD_PRELOAD",
		[REASON_CLEARED] = "it was started without LD_PRELOAD: its parent cleared the "
				   "environment, as env -i and sudo do",
		[REASON_ALONE] = "it was started without LD_PRELOAD",
		[REASON_NOT_LOADED] = "LD_PRELOAD names the library, but it was not loaded: its "
				      "file can't be seen from there, or it is another libc",
		[REASON_DISABLED] = "CATRUST_DISABLE is set",
		[REASON_OLD] = "it is older than OpenSSL 1.1.1",
		[REASON_LOOKS_PAST] = "it looks OpenSSL's functions up past preloaded libraries "
				      "(RTLD_DEEPBIND, dlmopen)",
		[REASON_OWN] = "it does not call OpenSSL's functions through the dynamic linker",
		[REASON_FILES_OFF] = "it is linked into the file, where the hooks can't reach it, "
				     "and the file layer is off",
		[REASON_BUILT_IN] = "it is linked into the file, where the hooks can't reach it, "
				    "and has public roots of its own instead of reading a bundle",
		[REASON_OTHER_VERIFY] =
			"nothing in the program verifies servers by the functions of GnuTLS "
			"that are hooked (gnutls_certificate_verify_peers)",
		[REASON_OTHER_LIBRARY] = "it is neither OpenSSL nor GnuTLS",
	};

	return text[reason];
}

/* How to get the library into the process. */
static const char *advice_for_loss(enum stacks_reason reason)
{
	switch (reason) {
	case REASON_SECURE:
		return "put the CA into /etc/catrust/ca.d, and into the system's store "
		       "(update-ca-certificates, update-ca-trust), which such a program reads";
	case REASON_CLEARED:
		return "put catrust-run behind the command that clears the environment: sudo "
		       "catrust-run ..., "
		       "env -i catrust-run ...";
	case REASON_ALONE:
		return "start it with catrust-run";
	case REASON_NOT_LOADED:
		return "let the process see the library under the same path: mount or copy it "
		       "there";
	case REASON_DISABLED:
		return "unset CATRUST_DISABLE";
	default:
		return NULL;
	}
}

static void add_name(char buf[STACKS_ADVICE], const char *between, const char *name)
{
	size_t len = strlen(buf);

	snprintf(buf + len, STACKS_ADVICE - len, "%s%s", len > 0 ? between : "", name);
}

static void advise_variables(const struct stacks_verdict *v, char buf[STACKS_ADVICE])
{
	/* Variables that catrust-run --env sets only if they are already set. */
	const unsigned follows = 1U << VARIABLE_CURL_CA_BUNDLE;
	unsigned names = v->known & ~follows;
	char list[STACKS_ADVICE] = "";

	if (v->variable_lacks) {
		snprintf(buf, STACKS_ADVICE,
			 "start it with catrust-run --env: it adds the CAs to what %s names",
			 tls_variable_name[v->variable]);
		return;
	}
	if (names == 0) {
		snprintf(buf, STACKS_ADVICE,
			 "set %s to a file with the public CAs and your own, which catrust bundle "
			 "makes",
			 tls_variable_name[v->variable]);
		return;
	}
	for (int i = 0; i < TLS_VARIABLES; i++)
		if ((names & 1U << i) != 0)
			add_name(list, ", ", tls_variable_name[i]);
	/* The program could have read the file, but did not: maybe another library reads the
	 * variable. */
	snprintf(buf, STACKS_ADVICE,
		 "start it with catrust-run --env: it sets %.200s, which the program reads%s", list,
		 v->layer == LAYER_FILES
			 ? "; if that does not help, its roots are in the program: look for an "
			   "option or a build that uses the system's store"
			 : "");
}

static const char *advice_by_kind(enum tls_kind kind)
{
	switch (kind) {
	case TLS_JAVA:
		return "set JAVA_TOOL_OPTIONS=-Djavax.net.ssl.trustStore=FILE, a PKCS#12 store "
		       "with the public CAs and your own; catrust-run --env does that";
	case TLS_ERLANG:
		return "start it with catrust-run --mount, or put the CA into the system's store: "
		       "Erlang reads only that store (public_key:cacerts_load()), and no variable";
	case TLS_RUSTLS:
	case TLS_BORINGSSL:
		return "try catrust-run --env, or --mount; if neither helps, its roots are in the "
		       "program: look for an option or a build that uses the system's store";
	case TLS_GNUTLS:
	case TLS_NSS:
		return "put the CA into the system's store (update-ca-certificates, "
		       "update-ca-trust), or name a file by an option of the program";
	default:
		return "try catrust-run --env, or --mount, or look for an option of the program "
		       "that names a file of CAs";
	}
}

const char *stacks_advice(const struct stacks_verdict *v, char buf[STACKS_ADVICE])
{
	const char *text = NULL;

	buf[0] = '\0';
	if (v->is_aside || v->is_seen || v->layer == LAYER_HOOKS || v->layer == LAYER_ENVIRONMENT)
		return buf;
	if (v->layer == LAYER_NONE)
		text = advice_for_loss(v->reason);
	if (text == NULL && v->variable < 0)
		text = advice_by_kind(v->stack.kind);
	if (text != NULL)
		snprintf(buf, STACKS_ADVICE, "%s", text);
	else
		advise_variables(v, buf);
	return buf;
}
