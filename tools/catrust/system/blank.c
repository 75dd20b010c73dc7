/* SPDX-License-Identifier: Apache-2.0 */
#include "system/blank.h"

#include "base/output.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>

/* Its one segment is the whole file. The alignment is a multiple of every machine's page size. */
enum { ALIGN = 0x10000, SEGMENTS = 3, TAGS = 6 };

/* The header, segments, a symbol table with only the empty symbol, its hash and its names. Without
 * PT_GNU_STACK, every program that loads it would have an executable stack. */
#define BLANK(bits)                                                                                \
	struct blank##bits {                                                                       \
		Elf##bits##_Ehdr elf;                                                              \
		Elf##bits##_Phdr segment[SEGMENTS];                                                \
		Elf##bits##_Dyn tag[TAGS];                                                         \
		Elf##bits##_Sym symbol;                                                            \
		Elf32_Word hash[4]; /* buckets and chains, one of each */                          \
		char names[8];                                                                     \
	};                                                                                         \
                                                                                                   \
	static void make##bits(const struct linker *l, struct blank##bits *b)                      \
	{                                                                                          \
		typedef struct blank##bits t;                                                      \
                                                                                                   \
		memset(b, 0, sizeof(*b));                                                          \
		memcpy(b->elf.e_ident, ELFMAG, SELFMAG);                                           \
		b->elf.e_ident[EI_CLASS] = ELFCLASS##bits;                                         \
		b->elf.e_ident[EI_DATA] = l->byte_order;                                           \
		b->elf.e_ident[EI_VERSION] = EV_CURRENT;                                           \
		b->elf.e_type = ET_DYN;                                                            \
		b->elf.e_machine = (Elf##bits##_Half)l->machine;                                   \
		b->elf.e_version = EV_CURRENT;                                                     \
		b->elf.e_phoff = offsetof(t, segment);                                             \
		b->elf.e_flags = l->flags;                                                         \
		b->elf.e_ehsize = sizeof(b->elf);                                                  \
		b->elf.e_phentsize = sizeof(b->segment[0]);                                        \
		b->elf.e_phnum = SEGMENTS;                                                         \
		b->segment[0] = (Elf##bits##_Phdr){.p_type = PT_LOAD,                              \
						   .p_flags = PF_R | PF_W,                         \
						   .p_filesz = sizeof(*b),                         \
						   .p_memsz = sizeof(*b),                          \
						   .p_align = ALIGN};                              \
		b->segment[1] = (Elf##bits##_Phdr){.p_type = PT_DYNAMIC,                           \
						   .p_flags = PF_R | PF_W,                         \
						   .p_offset = offsetof(t, tag),                   \
						   .p_vaddr = offsetof(t, tag),                    \
						   .p_filesz = sizeof(b->tag),                     \
						   .p_memsz = sizeof(b->tag),                      \
						   .p_align = 8};                                  \
		b->segment[2] =                                                                    \
			(Elf##bits##_Phdr){.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W};        \
		b->tag[0].d_tag = DT_HASH;                                                         \
		b->tag[0].d_un.d_ptr = offsetof(t, hash);                                          \
		b->tag[1].d_tag = DT_STRTAB;                                                       \
		b->tag[1].d_un.d_ptr = offsetof(t, names);                                         \
		b->tag[2].d_tag = DT_SYMTAB;                                                       \
		b->tag[2].d_un.d_ptr = offsetof(t, symbol);                                        \
		b->tag[3].d_tag = DT_STRSZ;                                                        \
		b->tag[3].d_un.d_val = sizeof(b->names);                                           \
		b->tag[4].d_tag = DT_SYMENT;                                                       \
		b->tag[4].d_un.d_val = sizeof(b->symbol);                                          \
		b->hash[0] = b->hash[1] = 1;                                                       \
	}
BLANK(32)
BLANK(64)

int blank_write(const struct linker *linker, const char *path, struct reason *why)
{
	struct blank32 small;
	struct blank64 large;

	if (linker->is_64) {
		make64(linker, &large);
		return output_file(path, &large, sizeof(large), false, why);
	}
	make32(linker, &small);
	return output_file(path, &small, sizeof(small), false, why);
}
