/* SPDX-License-Identifier: Apache-2.0 */
#include "openssl/object.h"

#include "libc/compat.h"
#include "process/dl.h"

#include <link.h>
#include <stdatomic.h>
#include <string.h>

struct search {
	const void *address;
	uintptr_t main; /* the dynamic section of the main program */
	struct object found;
};

static struct module place_of(const struct dl_phdr_info *info, const ElfW(Phdr) * segment)
{
	uintptr_t start = info->dlpi_addr + segment->p_vaddr;

	return (struct module){start, start + segment->p_memsz};
}

/* A part that the linker maps from the file only, and not writable. */
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

static int take(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *s = arg;
	struct object *o = &s->found;

	(void)size;
	*o = (struct object){.module = {UINTPTR_MAX, 0}, .path = info->dlpi_name};
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		struct module part = place_of(info, &info->dlpi_phdr[i]);

		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			o->is_main = part.start == s->main;
		if (info->dlpi_phdr[i].p_type != PT_LOAD)
			continue;
		if (part.start < o->module.start)
			o->module.start = part.start;
		if (part.end > o->module.end)
			o->module.end = part.end;
	}
	if (!module_has(o->module, s->address))
		return 0;
	collect_parts(info, o);
	return 1;
}

/*
 * The program headers of the object that an address lies in, if they are on its first page.
 * patchelf may move them to the end.
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
static uintptr_t main_dynamic(void)
{
	static _Atomic uintptr_t known;
	uintptr_t dynamic = atomic_load_explicit(&known, memory_order_relaxed);
	struct link_map *map = dynamic == 0 ? dl_open(NULL, RTLD_LAZY) : NULL;

	if (map == NULL)
		return dynamic;
	dynamic = (uintptr_t)map->l_ld;
	dl_close(map);
	atomic_store_explicit(&known, dynamic, memory_order_relaxed);
	return dynamic;
}

/*
 * dl_iterate_phdr() is the last resort: if another thread held its lock at a fork, the child can
 * never take it. glibc frees only the lock that dladdr() and similar functions take.
 */
bool object_at(const void *address, struct object *ret)
{
	struct search s = {.address = address, .main = main_dynamic()};
	struct dl_phdr_info info;
	bool found = address != NULL;

	if (found && read_headers(address, &info))
		found = take(&info, sizeof(info), &s) != 0;
	else if (found)
		found = dl_iterate_phdr(take, &s) != 0;
	*ret = s.found;
	return found;
}

/*
 * To find out whether an object is loaded, musl's dlopen() opens the file. That fails after
 * chroot(), without a free descriptor, or under a seccomp filter. But in musl a handle is the
 * object's link_map, and no object is ever unloaded, so the list of them can be walked.
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
	if (dl_is_musl())
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

void *object_symbol(const struct object *object, const char *name)
{
	void *handle = object_open(object);
	void *found = handle == NULL ? NULL : dl_symbol(handle, name);

	dl_close(handle);
	return object_is_own(found) ? NULL : found;
}
