/* SPDX-License-Identifier: Apache-2.0 */
#include "static/embedded.h"

#include "libc/compat.h"
#include "libc/hash.h"
#include "libc/text.h"

#include <limits.h>
#include <stdatomic.h>
#include <string.h>

/* Answers so far: a hash of the question, with the answer in bit 0. */
static _Atomic uint64_t answers[64];

/* Another object may be loaded at the same address later, so the name counts, too. */
static uint64_t question(const struct object *o, const void *about)
{
	uint64_t hash = o->path == NULL ? HASH_START : hash_bytes(o->path, strlen(o->path));

	hash = hash_add(hash_add(hash, o->module.start), o->module.end);
	return hash_add(hash, (uintptr_t)about) | 3; /* never 0, which marks an empty slot */
}

static _Atomic uint64_t *slot_of(uint64_t asked)
{
	return &answers[(asked >> 8) % (sizeof(answers) / sizeof(*answers))];
}

static bool recall(uint64_t asked, bool *ret)
{
	uint64_t there = atomic_load_explicit(slot_of(asked), memory_order_relaxed);

	*ret = (there & 1) != 0;
	return (there | 1) == asked;
}

static bool remember(uint64_t asked, bool answer)
{
	atomic_store_explicit(slot_of(asked), answer ? asked : asked & ~UINT64_C(1),
			      memory_order_relaxed);
	return answer;
}

/* Do the constants of the object contain a string, with the NUL at its end? */
static bool has_string(const struct object *o, const char *string)
{
	for (size_t i = 0; i < o->part_count; i++) {
		const struct module *part = &o->part[i];
		const void *start = (const void *)part->start;

		if (memmem(start, part->end - part->start, string, strlen(string) + 1) != NULL)
			return true;
	}
	return false;
}

/*
 * If the object can see a shared libcrypto, it uses that one, and the hooks come before it. If the
 * main program exports its own, as node does, that comes before the hooks. If the object uses no
 * shared libcrypto, it sees the hook itself, or nothing.
 */
static bool sees_shared(const struct object *o)
{
	const void *seen = object_symbol(o, "X509_verify_cert");

	return seen != NULL && !(o->is_main && module_has(o->module, seen));
}

/*
 * The name of a kind of PEM block that only OpenSSL reads, and a text that only verification code
 * has.
 */
static bool has_marks(const struct object *o)
{
	return has_string(o, "TRUSTED CERTIFICATE") &&
	       (has_string(o, "unable to get local issuer certificate") ||
		has_string(o, "SSL_CERT_FILE"));
}

bool embedded_has_openssl(const struct object *object)
{
	uint64_t asked = question(object, NULL);
	bool answer;

	if (recall(asked, &answer))
		return answer;
	return remember(asked, !sees_shared(object) && has_marks(object));
}

static bool is_constant(const struct object *o, const char *string)
{
	for (size_t i = 0; i < o->part_count; i++)
		if (module_has(o->part[i], string))
			return true;
	return false;
}

bool embedded_is_default_file(const struct object *object, const char *path)
{
	static const char file[] = "/cert.pem";
	size_t len = strlen(path);
	char buf[PATH_MAX];
	struct text dir = TEXT(buf);
	uint64_t asked;
	bool answer;

	if (!is_constant(object, path) || len < strlen(file) || len >= sizeof(buf) ||
	    strcmp(path + len - strlen(file), file) != 0)
		return false;
	asked = question(object, path);
	if (recall(asked, &answer))
		return answer;
	text_add_n(&dir, path, len - strlen(file));
	text_add(&dir, "/certs");
	return remember(asked, has_string(object, buf));
}
