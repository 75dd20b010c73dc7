/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ELF_H
#define TEST_ELF_H

#include "program/elffile.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

/* ELF files made in memory, and a source that reads from there. */

enum { ELF_ROOM = 16 << 10, ELF_SECTIONS = 8, ELF_SLOT = 0x4020, ELF_FIRST = 0x1000 };

struct elf_image {
	unsigned char bytes[ELF_ROOM];
	size_t len;
	Elf64_Shdr section[ELF_SECTIONS];
	size_t sections;
	char strings[1024];
	size_t strings_len;
};

static inline uint64_t elf_put(struct elf_image *e, const void *data, size_t len)
{
	size_t at = (e->len + 7) & ~(size_t)7;

	memcpy(e->bytes + at, data, len);
	e->len = at + len;
	return at;
}

static inline uint32_t elf_string(struct elf_image *e, const char *text)
{
	size_t at = e->strings_len, len = strlen(text) + 1;

	memcpy(e->strings + at, text, len);
	e->strings_len += len;
	return (uint32_t)at;
}

static inline Elf64_Shdr *elf_section(struct elf_image *e, uint32_t type, const char *name,
				      const void *data, size_t len)
{
	Elf64_Shdr *s = &e->section[e->sections++];

	*s = (Elf64_Shdr){.sh_type = type, .sh_name = elf_string(e, name)};
	s->sh_offset = elf_put(e, data, len);
	s->sh_size = len;
	return s;
}

/* Section 0 is none, and 1 has all strings. */
static inline void elf_start(struct elf_image *e)
{
	memset(e, 0, sizeof(*e));
	e->len = sizeof(Elf64_Ehdr);
	e->strings_len = 1;
	e->sections = 2;
}

struct elf_symbol {
	const char *name;
	bool is_defined;
};

static inline void elf_symbols(struct elf_image *e, const struct elf_symbol *symbols, size_t count)
{
	Elf64_Sym table[16] = {{0}};
	Elf64_Rela slot = {.r_offset = ELF_SLOT};

	for (size_t i = 0; i < count; i++) {
		table[i + 1].st_name = elf_string(e, symbols[i].name);
		table[i + 1].st_shndx = symbols[i].is_defined ? 1 : SHN_UNDEF;
		if (strcmp(symbols[i].name, "X509_verify_cert") == 0)
			slot.r_info = ELF64_R_INFO(i + 1, R_X86_64_JUMP_SLOT);
	}
	elf_section(e, SHT_DYNSYM, ".dynsym", table, (count + 1) * sizeof(*table))->sh_link = 1;
	if (slot.r_info != 0)
		elf_section(e, SHT_RELA, ".rela.plt", &slot, sizeof(slot));
}

static inline void elf_needs(struct elf_image *e, const char *soname, const char *needed)
{
	Elf64_Dyn entries[3] = {{0}};

	entries[0].d_tag = DT_SONAME;
	entries[0].d_un.d_val = elf_string(e, soname);
	entries[1].d_tag = needed == NULL ? DT_NULL : DT_NEEDED;
	entries[1].d_un.d_val = needed == NULL ? 0 : elf_string(e, needed);
	elf_section(e, SHT_DYNAMIC, ".dynamic", entries, sizeof(entries))->sh_link = 1;
}

static inline void elf_end(struct elf_image *e, bool has_interpreter)
{
	Elf64_Phdr segments[2] = {{.p_type = PT_LOAD, .p_vaddr = ELF_FIRST},
				  {.p_type = has_interpreter ? PT_INTERP : PT_NOTE}};
	Elf64_Ehdr h = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB},
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_phnum = 2,
		.e_phentsize = sizeof(*segments),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shstrndx = 1,
	};

	e->section[1] = (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_size = e->strings_len};
	e->section[1].sh_offset = elf_put(e, e->strings, e->strings_len);
	h.e_phoff = elf_put(e, segments, sizeof(segments));
	h.e_shnum = (uint16_t)e->sections;
	h.e_shoff = elf_put(e, e->section, e->sections * sizeof(*e->section));
	memcpy(e->bytes, &h, sizeof(h));
}

struct elf_bytes {
	const unsigned char *data;
	size_t len;
};

static inline int elf_read(void *arg, uint64_t at, void *buf, size_t len)
{
	const struct elf_bytes *b = arg;

	if (at > b->len || len > b->len - at)
		return -1;
	memcpy(buf, b->data + at, len);
	return 0;
}

#endif
