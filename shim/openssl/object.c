/* SPDX-License-Identifier: Apache-2.0 */
#include "openssl/object.h"

#include "anchors/compat.h"
#include "anchors/text.h"
#include "process/dl.h"

#include <limits.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>

struct search {
	const void *address;
	struct object found;
	size_t seen;
};

static struct module place_of(const struct dl_phdr_info *info, const ElfW(Phdr) * segment)
{
	uintptr_t start = info->dlpi_addr + segment->p_vaddr;

	return (struct module){start, start + segment->p_memsz};
}

/* As the linker maps it: not writable, and all of it from the file. */
static void collect_parts(const struct dl_phdr_info *info, struct object *ret)
{
	ret->part_count = 0;
	for (size_t i = 0; i < info->dlpi_phnum && ret->part_count < OBJECT_PARTS; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type == PT_LOAD && (segment->p_flags & (PF_R | PF_W)) == PF_R &&
		    segment->p_filesz == segment->p_memsz)
			ret->part[ret->part_count++] = place_of(info, segment);
	}
}

static bool take(const struct dl_phdr_info *info, bool is_main, struct search *s)
{
	struct module m = {UINTPTR_MAX, 0};

	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		struct module part = place_of(info, &info->dlpi_phdr[i]);

		if (info->dlpi_phdr[i].p_type != PT_LOAD)
			continue;
		if (part.start < m.start)
			m.start = part.start;
		if (part.end > m.end)
			m.end = part.end;
	}
	if (m.start >= m.end || !module_has(m, s->address))
		return false;
	s->found.module = m;
	s->found.path = info->dlpi_name;
	s->found.is_main = is_main;
	collect_parts(info, &s->found);
	return true;
}

static int search_step(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *s = arg;

	(void)size;
	return take(info, ++s->seen == 1, s);
}

/*
 * The program headers of the object that an address lies in, where they are on its first page.
 * patchelf moves them to its end.
 */
static bool read_headers(const void *address, struct dl_phdr_info *ret)
{
	enum { PAGE = 4096 };
	const ElfW(Ehdr) * header;
	Dl_info found;

	if (!dl_address(address, &found))
		return false;
	header = found.dli_fbase;
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
	    header->e_phentsize != sizeof(ElfW(Phdr)) || header->e_phoff > PAGE ||
	    header->e_phnum > (PAGE - header->e_phoff) / sizeof(ElfW(Phdr)))
		return false;
	*ret = (struct dl_phdr_info){
		.dlpi_name = found.dli_fname,
		.dlpi_phdr = (const void *)((uintptr_t)header + header->e_phoff),
		.dlpi_phnum = header->e_phnum,
	};
	for (size_t i = 0; i < ret->dlpi_phnum; i++)
		if (ret->dlpi_phdr[i].p_type == PT_LOAD && ret->dlpi_phdr[i].p_offset < PAGE) {
			ret->dlpi_addr = (uintptr_t)header -
					 (ret->dlpi_phdr[i].p_vaddr - ret->dlpi_phdr[i].p_offset);
			return true;
		}
	return false;
}

/* The handle on the main program is its link_map, in glibc and musl. */
static bool is_of_main(const struct dl_phdr_info *info)
{
	static _Atomic uintptr_t known;
	uintptr_t dynamic = atomic_load_explicit(&known, memory_order_relaxed);
	struct link_map *map;

	if (dynamic == 0) {
		map = dl_open(NULL, RTLD_LAZY);
		if (map == NULL)
			return false;
		dynamic = (uintptr_t)map->l_ld;
		dl_close(map);
		atomic_store_explicit(&known, dynamic, memory_order_relaxed);
	}
	for (size_t i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			return place_of(info, &info->dlpi_phdr[i]).start == dynamic;
	return false;
}

/*
 * dl_iterate_phdr() is the last resort: the child of a fork may have its lock as another thread
 * held it, for good. glibc frees only the one that dladdr() and the like take.
 */
bool object_at(const void *address, struct object *ret)
{
	struct search s = {.address = address};
	struct dl_phdr_info info;
	bool found = address != NULL;

	if (found && read_headers(address, &info))
		found = take(&info, is_of_main(&info), &s);
	else if (found)
		found = dl_iterate_phdr(search_step, &s) != 0;
	*ret = s.found;
	return found;
}

static bool is_musl(void)
{
	enum { UNKNOWN, YES, NO };
	static atomic_int known;
	int answer = atomic_load_explicit(&known, memory_order_relaxed);

	if (answer == UNKNOWN) {
		answer = dl_symbol(RTLD_DEFAULT, "gnu_get_libc_version") == NULL ? YES : NO;
		atomic_store_explicit(&known, answer, memory_order_relaxed);
	}
	return answer == YES;
}

/*
 * To find out that an object is loaded, musl's dlopen() opens the file, which fails after chroot(),
 * without a descriptor or under a filter of system calls. But a handle is the object's link_map
 * there, and no object is ever unloaded, so the list of them can be walked.
 */
static void *open_in_musl(const struct object *object)
{
	struct link_map *map = dl_open(NULL, RTLD_LAZY);

	while (map != NULL && !module_has(object->module, map->l_ld))
		map = map->l_next;
	return map;
}

void *object_open(const struct object *object)
{
	if (object->is_main)
		return dl_open(NULL, RTLD_LAZY);
	if (is_musl())
		return open_in_musl(object);
	return object->path == NULL || object->path[0] == '\0'
		       ? NULL
		       : dl_open(object->path, RTLD_LAZY | RTLD_NOLOAD);
}

bool object_is_own(const void *address)
{
	extern const char __ehdr_start[] __attribute__((visibility("hidden")));
	extern const char _end[] __attribute__((visibility("hidden")));

	return module_has((struct module){(uintptr_t)__ehdr_start, (uintptr_t)_end}, address);
}

/* Answers that were found: a hash of the question, and the answer in bit 0. */
static _Atomic uint64_t answers[64];

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

/* Another object may be loaded where one was: the name counts, too. */
static uint64_t question(const struct object *o, const void *about)
{
	uint64_t hash = mix(mix(1, o->module.start), o->module.end);

	for (const char *p = o->path; p != NULL && *p != '\0'; p++)
		hash = mix(hash, (unsigned char)*p);
	return mix(hash, (uintptr_t)about) | 3; /* never 0, which is an empty slot's */
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

/* Has it a string among its constants, with the NUL at its end? */
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
 * A shared libcrypto in the object's sight is the one that it uses, and the hooks are before that.
 * One that the main program exports itself, as node does, is before the hooks. The hook itself, or
 * nothing, is what an object sees that uses no shared one.
 */
static bool sees_shared(const struct object *o)
{
	void *handle = object_open(o);
	const void *seen = handle == NULL ? NULL : dl_symbol(handle, "X509_verify_cert");

	if (handle != NULL)
		dl_close(handle);
	return seen != NULL && !object_is_own(seen) && !(o->is_main && module_has(o->module, seen));
}

/* The name of a kind of PEM block that nobody else reads, and either of what verifying leaves. */
static bool has_marks(const struct object *o)
{
	return has_string(o, "TRUSTED CERTIFICATE") &&
	       (has_string(o, "unable to get local issuer certificate") ||
		has_string(o, "SSL_CERT_FILE"));
}

bool object_has_static_tls(const struct object *object)
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

bool object_is_default_file(const struct object *object, const char *path)
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
