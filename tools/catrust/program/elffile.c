/* SPDX-License-Identifier: Apache-2.0 */
#include "program/elffile.h"

#include <elf.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* Much more than in real files. A file with larger numbers is ignored. */
enum { TABLE_MAX = 64 << 20, SECTIONS_MAX = 8192, SEGMENTS_MAX = 512 };

static const char *const names[NAMES] = {
	[NAME_VERIFY] = "X509_verify_cert",
	[NAME_SSL_NEW] = "SSL_CTX_new",
	[NAME_FOPEN] = "fopen",
	[NAME_GNUTLS] = "gnutls_handshake",
	[NAME_PEERS] = "gnutls_certificate_verify_peers",
	[NAME_PEERS2] = "gnutls_certificate_verify_peers2",
	[NAME_PEERS3] = "gnutls_certificate_verify_peers3",
	[NAME_SET_VERIFY] = "gnutls_session_set_verify_cert",
	[NAME_NAPI] = "napi_module_register",
};

struct table {
	unsigned char *bytes; /* followed by a NUL */
	size_t len;
};

/* A file's headers during reading. */
struct view {
	const struct elffile_source *source;
	Elf64_Ehdr header;
	struct table sections, section_names;
};

static int read_table(const struct elffile_source *source, uint64_t at, uint64_t len,
		      struct table *ret)
{
	unsigned char *bytes;

	*ret = (struct table){NULL, 0};
	if (len > TABLE_MAX || at > source->size || len > source->size - at)
		return -1;
	bytes = malloc((size_t)len + 1);
	if (bytes == NULL)
		return -1;
	if (source->read(source->arg, at, bytes, (size_t)len) != 0) {
		free(bytes);
		return -1;
	}
	bytes[len] = '\0';
	ret->bytes = bytes;
	ret->len = (size_t)len;
	return 0;
}

/* The text at an offset in a string table; "" if there is none. */
static const char *text_at(const struct table *t, uint64_t at)
{
	return at < t->len ? (const char *)t->bytes + at : "";
}

static void copy_text(char *to, size_t size, const char *from)
{
	size_t len = strnlen(from, size - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

static size_t section_count(const struct view *v)
{
	return v->sections.len / sizeof(Elf64_Shdr);
}

static bool section_at(const struct view *v, size_t i, Elf64_Shdr *ret)
{
	if (i >= section_count(v))
		return false;
	memcpy(ret, v->sections.bytes + i * sizeof(*ret), sizeof(*ret));
	return true;
}

static int read_section(const struct view *v, const Elf64_Shdr *s, struct table *ret)
{
	*ret = (struct table){NULL, 0};
	return s->sh_type == SHT_NOBITS ? -1 : read_table(v->source, s->sh_offset, s->sh_size, ret);
}

static int read_linked(const struct view *v, const Elf64_Shdr *s, struct table *ret)
{
	Elf64_Shdr linked;

	*ret = (struct table){NULL, 0};
	return section_at(v, s->sh_link, &linked) ? read_section(v, &linked, ret) : -1;
}

static int read_segments(const struct view *v, struct elffile *ret)
{
	struct table t;

	if (v->header.e_phnum == 0)
		return 0;
	if (v->header.e_phentsize != sizeof(Elf64_Phdr) || v->header.e_phnum > SEGMENTS_MAX ||
	    read_table(v->source, v->header.e_phoff, v->header.e_phnum * sizeof(Elf64_Phdr), &t) !=
		    0)
		return -1;
	ret->first = UINT64_MAX;
	for (size_t at = 0; at + sizeof(Elf64_Phdr) <= t.len; at += sizeof(Elf64_Phdr)) {
		Elf64_Phdr segment;

		memcpy(&segment, t.bytes + at, sizeof(segment));
		ret->has_interpreter = ret->has_interpreter || segment.p_type == PT_INTERP;
		if (segment.p_type == PT_LOAD && segment.p_vaddr < ret->first)
			ret->first = segment.p_vaddr;
	}
	free(t.bytes);
	return 0;
}

static void take_dynamic(const struct view *v, const Elf64_Shdr *s, struct elffile *ret)
{
	struct table entries, strings = {NULL, 0};

	if (read_section(v, s, &entries) != 0)
		return;
	if (read_linked(v, s, &strings) != 0)
		goto out;
	for (size_t at = 0; at + sizeof(Elf64_Dyn) <= entries.len; at += sizeof(Elf64_Dyn)) {
		const char *name;
		Elf64_Dyn entry;

		memcpy(&entry, entries.bytes + at, sizeof(entry));
		if (entry.d_tag == DT_NULL)
			break;
		name = text_at(&strings, entry.d_un.d_val);
		if (entry.d_tag == DT_SONAME)
			copy_text(ret->soname, sizeof(ret->soname), name);
		else if (entry.d_tag == DT_NEEDED && strncmp(name, "libcrypto", 9) == 0)
			copy_text(ret->crypto, sizeof(ret->crypto), name);
	}
out:
	free(strings.bytes);
	free(entries.bytes);
}

static void take_symbol(const Elf64_Sym *symbol, const char *name, struct elffile *ret)
{
	for (int i = 0; i < NAMES; i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		if (symbol->st_shndx != SHN_UNDEF)
			ret->name[i] = SYMBOL_DEFINED;
		else if (ret->name[i] == SYMBOL_ABSENT)
			ret->name[i] = SYMBOL_IMPORTED;
	}
}

/* Sets *ret_verify to the index of X509_verify_cert in the table. */
static void take_symbols(const struct view *v, const Elf64_Shdr *s, struct elffile *ret,
			 size_t *ret_verify)
{
	struct table symbols, strings = {NULL, 0};

	if (read_section(v, s, &symbols) != 0)
		return;
	if (read_linked(v, s, &strings) != 0)
		goto out;
	for (size_t i = 0; (i + 1) * sizeof(Elf64_Sym) <= symbols.len; i++) {
		const char *name;
		Elf64_Sym symbol;

		memcpy(&symbol, symbols.bytes + i * sizeof(symbol), sizeof(symbol));
		name = text_at(&strings, symbol.st_name);
		take_symbol(&symbol, name, ret);
		if (strcmp(name, names[NAME_VERIFY]) == 0)
			*ret_verify = i;
	}
out:
	free(strings.bytes);
	free(symbols.bytes);
}

static bool fills_slot(uint16_t machine, uint64_t type)
{
	if (machine == EM_X86_64)
		return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT;
	if (machine == EM_AARCH64)
		return type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_GLOB_DAT;
	return false;
}

static void take_relocations(const struct view *v, const Elf64_Shdr *s, size_t verify,
			     struct elffile *ret)
{
	struct table t;

	if (read_section(v, s, &t) != 0)
		return;
	for (size_t at = 0; at + sizeof(Elf64_Rela) <= t.len; at += sizeof(Elf64_Rela)) {
		Elf64_Rela r;

		memcpy(&r, t.bytes + at, sizeof(r));
		if (ELF64_R_SYM(r.r_info) == verify &&
		    fills_slot(ret->machine, ELF64_R_TYPE(r.r_info)))
			ret->verify_slot = r.r_offset;
	}
	free(t.bytes);
}

static bool is_printable(const unsigned char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

/* Since Go 1.18: magic, pointer size, flags, and at 32 the version, with its length before it. */
static void take_go(const struct view *v, const Elf64_Shdr *s, struct elffile *ret)
{
	static const char magic[] = "\xff Go buildinf:";
	enum { FLAGS = 15, INLINE = 2, TEXT = 32 };
	unsigned char info[TEXT + 1 + ELFFILE_VERSION];
	uint64_t len = s->sh_size < sizeof(info) ? s->sh_size : sizeof(info);

	if (s->sh_type == SHT_NOBITS || len <= TEXT || s->sh_offset > v->source->size ||
	    len > v->source->size - s->sh_offset ||
	    v->source->read(v->source->arg, s->sh_offset, info, (size_t)len) != 0 ||
	    memcmp(info, magic, sizeof(magic) - 1) != 0)
		return;
	ret->is_go = true;
	/* One byte is enough for all lengths that fit here. */
	if ((info[FLAGS] & INLINE) != 0 && info[TEXT] < ELFFILE_VERSION &&
	    info[TEXT] < len - TEXT && is_printable(info + TEXT + 1, info[TEXT])) {
		memcpy(ret->go_version, info + TEXT + 1, info[TEXT]);
		ret->go_version[info[TEXT]] = '\0';
	}
}

static void take_sections(struct view *v, struct elffile *ret)
{
	size_t verify = 0;
	Elf64_Shdr s;

	for (size_t i = 0; section_at(v, i, &s); i++) {
		if (s.sh_type == SHT_DYNAMIC)
			take_dynamic(v, &s, ret);
		else if (s.sh_type == SHT_DYNSYM)
			take_symbols(v, &s, ret, &verify);
		else if (strcmp(text_at(&v->section_names, s.sh_name), ".go.buildinfo") == 0)
			take_go(v, &s, ret);
	}
	for (size_t i = 0; verify != 0 && section_at(v, i, &s); i++)
		if (s.sh_type == SHT_RELA)
			take_relocations(v, &s, verify, ret);
}

/* If they are missing, the names are missing, too. */
static void read_sections(struct view *v)
{
	const Elf64_Ehdr *h = &v->header;
	Elf64_Shdr names_section;

	if (h->e_shnum == 0 || h->e_shnum > SECTIONS_MAX || h->e_shentsize != sizeof(Elf64_Shdr) ||
	    read_table(v->source, h->e_shoff, h->e_shnum * sizeof(Elf64_Shdr), &v->sections) != 0)
		return;
	if (section_at(v, h->e_shstrndx, &names_section))
		read_section(v, &names_section, &v->section_names);
}

int elffile_read(const struct elffile_source *source, struct elffile *ret)
{
	static const unsigned char order =
		__BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB;
	struct view v = {.source = source};
	int result = -1;

	*ret = (struct elffile){.is_64 = false};
	if (source->size < sizeof(v.header) ||
	    source->read(source->arg, 0, &v.header, sizeof(v.header)) != 0 ||
	    memcmp(v.header.e_ident, ELFMAG, SELFMAG) != 0 || v.header.e_ident[EI_DATA] != order)
		return -1;
	ret->machine = v.header.e_machine; /* at the same offset in both classes */
	ret->is_64 = v.header.e_ident[EI_CLASS] == ELFCLASS64;
	if (!ret->is_64)
		return 0;
	if (read_segments(&v, ret) == 0) {
		read_sections(&v);
		take_sections(&v, ret);
		result = 0;
	}
	free(v.section_names.bytes);
	free(v.sections.bytes);
	return result;
}
