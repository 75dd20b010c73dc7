/* SPDX-License-Identifier: Apache-2.0 */
#include "process/dl.h"

#include "libc/compat.h"

#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The tables of a loaded object in which a name is looked up. */
struct tables {
	const ElfW(Sym) * symbols;
	const char *names;
	const uint32_t *hash; /* DT_GNU_HASH */
};

/* glibc has relocated these in memory. */
static bool read_tables(const struct dl_phdr_info *info, struct tables *ret)
{
	const ElfW(Dyn) *entry = NULL;

	for (size_t i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			entry = (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	*ret = (struct tables){NULL, NULL, NULL};
	for (; entry != NULL && entry->d_tag != DT_NULL; entry++) {
		if (entry->d_tag == DT_SYMTAB)
			ret->symbols = (const ElfW(Sym) *)entry->d_un.d_ptr;
		else if (entry->d_tag == DT_STRTAB)
			ret->names = (const char *)entry->d_un.d_ptr;
		else if (entry->d_tag == DT_GNU_HASH)
			ret->hash = (const uint32_t *)entry->d_un.d_ptr;
	}
	return ret->symbols != NULL && ret->names != NULL && ret->hash != NULL;
}

/*
 * Finds a function by its name. This goes through the whole hash table instead of using the hash:
 * buckets, then chains whose last entry has bit 0 set. libdl has a dozen symbols, each in one
 * version that matters: the only one, or the default, which has the same name and does the same.
 * libc has more, but only one version of each that is needed here.
 */
static void *find(const struct dl_phdr_info *info, const struct tables *t, const char *name)
{
	uint32_t buckets = t->hash[0], first = t->hash[1], bloom_words = t->hash[2];
	const uint32_t *bucket =
		t->hash + 4 + bloom_words * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
	const uint32_t *chain = bucket + buckets;

	for (uint32_t b = 0; b < buckets; b++) {
		uint32_t i = bucket[b];

		if (i < first)
			continue;
		do {
			const ElfW(Sym) *symbol = &t->symbols[i];

			if (symbol->st_shndx != SHN_UNDEF &&
			    strcmp(t->names + symbol->st_name, name) == 0)
				return (void *)(info->dlpi_addr + symbol->st_value);
		} while ((chain[i++ - first] & 1) == 0);
	}
	return NULL;
}

static bool is_library(const struct dl_phdr_info *info, const char *file)
{
	const char *path = info->dlpi_name == NULL ? "" : info->dlpi_name;
	size_t len = strlen(path);

	return len >= strlen(file) && strcmp(path + len - strlen(file), file) == 0;
}

struct wanted {
	const char *library, *name;
	void *found;
};

static int find_in_library(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct wanted *w = arg;
	struct tables t;

	(void)size;
	if (!is_library(info, w->library) || !read_tables(info, &t))
		return 0;
	w->found = find(info, &t, w->name);
	return 1;
}

/*
 * dlopen() and similar functions. The dynamic linker binds only dlsym(), because each bound name
 * costs time in every process. dlsym() finds the others; that is cheap if libc has them, and
 * otherwise rarely needed.
 */
static void *function(const char *name)
{
	struct wanted w = {"/libdl.so.2", name, NULL};

	if (dlsym != NULL)
		return dlsym(RTLD_DEFAULT, name);
	dl_iterate_phdr(find_in_library, &w);
	return w.found;
}

void *dl_open(const char *path, int flags)
{
	void *(*open)(const char *path, int flags);

	*(void **)&open = function("dlopen");
	return open == NULL ? NULL : open(path, flags);
}

void *dl_symbol(void *handle, const char *name)
{
	void *(*symbol)(void *handle, const char *name) = dlsym;
	void *volatile found;

	if (symbol == NULL)
		*(void **)&symbol = function("dlsym");
	/* RTLD_NEXT depends on the caller, and a tail call would make that another caller. */
	found = symbol == NULL ? NULL : symbol(handle, name);
	return found;
}

void dl_close(void *handle)
{
	int (*close)(void *handle);

	if (handle == NULL)
		return;
	*(void **)&close = function("dlclose");
	if (close != NULL)
		close(handle);
}

bool dl_address(const void *address, Dl_info *ret)
{
	int (*find_address)(const void *address, Dl_info *ret);

	*(void **)&find_address = function("dladdr");
	return find_address != NULL && find_address(address, ret) != 0;
}

void *dl_next(const char *name)
{
	struct wanted w = {"/libc.so.6", name, dl_symbol(RTLD_NEXT, name)};

	if (w.found == NULL)
		dl_iterate_phdr(find_in_library, &w);
	return w.found;
}

bool dl_is_musl(void)
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
