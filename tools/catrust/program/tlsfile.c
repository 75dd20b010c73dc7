/* SPDX-License-Identifier: Apache-2.0 */
#include "program/tlsfile.h"

#include "base/input.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	SEARCH_MAX = 1 << 30, /* how much of a file is searched */
	CHUNK = 1 << 20,
	WINDOW = 96, /* a text and the bytes after it that are read */
	SHORTEST = 8,
	BUCKETS = 1 << 16,
};

/* The texts to search for, each at least SHORTEST long. */
enum text {
	TEXT_OPENSSL,
	TEXT_OPENSSL_SOURCE, /* file names in messages; there even if no version text is linked */
	TEXT_BORINGSSL_SOURCE,
	TEXT_LIBRESSL,
	TEXT_RUSTLS,
	TEXT_GNUTLS,
	TEXT_NSS,
	TEXT_MBEDTLS,
	TEXT_GO,
	TEXT_TLS,   /* a label in every TLS up to 1.2 */
	TEXT_TLS13, /* and of 1.3 */
	TEXT_VARIABLES,
	TEXT_STARTS = TEXT_VARIABLES + TLS_VARIABLES,
	TEXT_ENDS = TEXT_STARTS + TLS_VARIABLES,
	TEXTS = TEXT_ENDS + TLS_VARIABLES,
};

/* rustc compares a name of more than eight bytes in overlapping pieces of eight, which are in the
 * code, close to each other: the first eight bytes, and the last. */
enum { PIECE = 8, NEAR = 64 };

const char *const tls_variable_name[TLS_VARIABLES] = {
	[VARIABLE_NODE_EXTRA_CA_CERTS] = "NODE_EXTRA_CA_CERTS",
	[VARIABLE_DENO_CERT] = "DENO_CERT",
	[VARIABLE_GIT_SSL_CAINFO] = "GIT_SSL_CAINFO",
	[VARIABLE_CURL_CA_BUNDLE] = "CURL_CA_BUNDLE",
	[VARIABLE_CARGO_HTTP_CAINFO] = "CARGO_HTTP_CAINFO",
	[VARIABLE_GRPC_ROOTS] = "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
	[VARIABLE_SSL_CERT_FILE] = "SSL_CERT_FILE",
};

static const char *const texts[TEXT_VARIABLES] = {
	[TEXT_OPENSSL_SOURCE] = "ssl/statem/statem_clnt.c",
	[TEXT_BORINGSSL_SOURCE] = "ssl/handshake_client.cc",
	[TEXT_OPENSSL] = "OpenSSL ",
	[TEXT_LIBRESSL] = "LibreSSL ",
	[TEXT_RUSTLS] = "/rustls-",
	[TEXT_GNUTLS] = "Enabled GnuTLS ",
	[TEXT_NSS] = "Version: NSS ",
	[TEXT_MBEDTLS] = "Mbed TLS ",
	[TEXT_GO] = "crypto/tls.(*Conn).",
	[TEXT_TLS] = "client finished",
	[TEXT_TLS13] = "c hs traffic",
};

/* Text number i, and its length. */
static const char *text_of(int i, size_t *len)
{
	const char *text = i < TEXT_VARIABLES
				   ? texts[i]
				   : tls_variable_name[(i - TEXT_VARIABLES) % TLS_VARIABLES];

	*len = i < TEXT_STARTS ? strlen(text) : PIECE;
	return i < TEXT_ENDS ? text : text + strlen(text) - PIECE;
}

/* How far to move on if two bytes do not end the first SHORTEST of any text (Wu and Manber). */
struct search {
	unsigned char skip[BUCKETS];
	struct tls_file *file;
	const char *name;
	bool seen[TEXTS];
	struct tls_stack library; /* OpenSSL or a library derived from it */
	char version[TEXTS][ELFFILE_VERSION];
	uint64_t piece[TEXTS]; /* its last place, plus one */
};

static size_t bucket(const unsigned char *p)
{
	return (size_t)(p[0] | p[1] << 8);
}

static void prepare(struct search *s)
{
	memset(s->skip, SHORTEST - 1, sizeof(s->skip));
	for (int i = 0; i < TEXTS; i++) {
		size_t len;
		const unsigned char *text = (const unsigned char *)text_of(i, &len);

		for (int at = 0; at + 2 <= SHORTEST; at++) {
			size_t b = bucket(text + at);

			if (s->skip[b] > SHORTEST - 2 - at)
				s->skip[b] = (unsigned char)(SHORTEST - 2 - at);
		}
	}
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The length of a version such as 3.0.15, 1.1.1w, 0.23.5; or 0. */
static size_t version_length(const char *text)
{
	size_t len = 0, dots = 0;

	while (is_digit(text[len]) || (text[len] == '.' && is_digit(text[len + 1]))) {
		dots += text[len] == '.';
		len++;
	}
	while (len > 0 && dots == 2 && text[len] >= 'a' && text[len] <= 'z')
		len++;
	return dots > 0 && is_digit(text[0]) && len < ELFFILE_VERSION ? len : 0;
}

static bool take_version(char to[ELFFILE_VERSION], const char *text)
{
	size_t len = version_length(text);

	if (len == 0)
		return false;
	memcpy(to, text, len);
	to[len] = '\0';
	return true;
}

/* A date as in "OpenSSL 3.0.15 3 Sep 2024" shows that it is not prose. */
static bool has_year(const char *text)
{
	for (; *text >= ' ' && *text < 0x7f; text++)
		if (text[0] == ' ' && text[1] == '2' && text[2] == '0' && is_digit(text[3]) &&
		    is_digit(text[4]))
			return true;
	return false;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static void take_openssl(struct search *s, const char *text)
{
	static const char aws[] = " (compatible; AWS-LC ";
	const char *behind = text + version_length(text);

	if (behind == text || s->seen[TEXT_OPENSSL])
		return;
	if (begins(behind, " (compatible; BoringSSL")) {
		s->library.kind = TLS_BORINGSSL;
	} else if (begins(behind, aws)) {
		s->library.kind = TLS_AWS_LC;
		take_version(s->library.version, behind + strlen(aws));
	} else if (has_year(behind)) {
		s->library.kind = TLS_OPENSSL;
		take_version(s->library.version, text);
	} else {
		return;
	}
	s->seen[TEXT_OPENSSL] = true;
}

/* A piece of a variable's name was found at the offset at. */
static void take_piece(struct search *s, int which, uint64_t at)
{
	int other = which < TEXT_ENDS ? which + TLS_VARIABLES : which - TLS_VARIABLES;
	uint64_t there = s->piece[other];

	s->piece[which] = at + 1;
	if (there != 0 && at + 1 - there <= NEAR)
		s->file->variables |= 1U << (which - TEXT_VARIABLES) % TLS_VARIABLES;
}

/* A text was found; text is what follows it, up to a NUL. */
static void take(struct search *s, int which, const char *text)
{
	if (which >= TEXT_VARIABLES)
		s->file->variables |= 1U << (which - TEXT_VARIABLES);
	else if (which == TEXT_OPENSSL)
		take_openssl(s, text);
	else if (which == TEXT_LIBRESSL || which == TEXT_RUSTLS || which == TEXT_GNUTLS ||
		 which == TEXT_NSS || which == TEXT_MBEDTLS)
		s->seen[which] = s->seen[which] || take_version(s->version[which], text);
	else
		s->seen[which] = true;
}

/* where: the offset of at in the file. */
static void try_all(struct search *s, const unsigned char *at, size_t len, uint64_t where)
{
	for (int i = 0; i < TEXTS; i++) {
		size_t text_len;
		const char *text = text_of(i, &text_len);
		char behind[WINDOW + 1];
		size_t rest;

		if (len < text_len || memcmp(at, text, text_len) != 0)
			continue;
		if (i >= TEXT_STARTS) {
			take_piece(s, i, where);
			continue;
		}
		rest = len - text_len < WINDOW - text_len ? len - text_len : WINDOW - text_len;
		memcpy(behind, at + text_len, rest);
		behind[rest] = '\0';
		take(s, i, behind);
	}
}

/* Finds texts that start before limit; they may end up to len. Returns where to continue. */
static size_t search(struct search *s, const unsigned char *bytes, size_t limit, size_t len,
		     uint64_t where)
{
	size_t at = 0;

	while (at < limit && at + SHORTEST <= len) {
		unsigned skip = s->skip[bucket(bytes + at + SHORTEST - 2)];

		if (skip == 0) {
			try_all(s, bytes + at, len - at, where + at);
			skip = 1;
		}
		at += skip;
	}
	return at;
}

static int search_file(struct search *s, const struct elffile_source *source)
{
	uint64_t size = source->size < SEARCH_MAX ? source->size : SEARCH_MAX, at = 0;
	unsigned char *bytes = malloc(size < CHUNK ? (size_t)size + 1 : CHUNK);
	int result = bytes == NULL ? -1 : 0;

	while (result == 0 && at + SHORTEST <= size) {
		size_t len = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
		bool is_last = len == size - at;

		result = source->read(source->arg, at, bytes, len);
		if (result == 0)
			at += search(s, bytes, is_last ? len : len - WINDOW, len, at);
		if (is_last)
			break;
	}
	free(bytes);
	return result;
}

static void add(struct tls_file *f, enum tls_kind kind, enum tls_linkage linkage,
		const char *version)
{
	struct tls_stack *stack = &f->stack[f->count];

	if (f->count == TLS_STACKS_MAX)
		return;
	*stack = (struct tls_stack){.kind = kind, .linkage = linkage};
	memcpy(stack->version, version, strnlen(version, sizeof(stack->version) - 1));
	f->count++;
}

/* OpenSSL and its relatives. A file that needs a libcrypto contains none, whatever version it
 * names. */
static void conclude_openssl(const struct search *s, struct tls_file *f)
{
	const struct elffile *elf = &f->elf;
	bool has_ssl = elf->name[NAME_SSL_NEW] == SYMBOL_DEFINED;

	if (has_ssl && elf->name[NAME_VERIFY] == SYMBOL_IMPORTED) {
		add(f, TLS_OPENSSL, TLS_SHARED, "");
	} else if (!s->seen[TEXT_OPENSSL] || elf->crypto[0] != '\0') {
		return;
	} else if (has_ssl) {
		add(f, s->library.kind, TLS_EXPORTED, s->library.version);
	} else if (elf->name[NAME_VERIFY] == SYMBOL_DEFINED) {
		f->has_crypto = true;
		f->crypto = s->library;
	} else if (s->seen[TEXT_TLS] || s->seen[TEXT_TLS13]) {
		add(f, s->library.kind, TLS_HIDDEN, s->library.version);
	}
}

/* Recognizes it by other texts than its version. */
static void name_openssl(struct search *s)
{
	bool is_openssl = s->seen[TEXT_OPENSSL_SOURCE];

	if (s->seen[TEXT_LIBRESSL]) {
		s->library = (struct tls_stack){.kind = TLS_LIBRESSL};
		take_version(s->library.version, s->version[TEXT_LIBRESSL]);
	} else if (!s->seen[TEXT_OPENSSL] && (is_openssl || s->seen[TEXT_BORINGSSL_SOURCE])) {
		s->library = (struct tls_stack){.kind = is_openssl ? TLS_OPENSSL : TLS_BORINGSSL};
	} else {
		return;
	}
	s->seen[TEXT_OPENSSL] = true;
}

/* libssl3.so is NSS's: its name is not a version of OpenSSL. */
static void conclude(struct search *s, struct tls_file *f)
{
	name_openssl(s);
	conclude_openssl(s, f);
	if (s->seen[TEXT_GNUTLS])
		add(f, TLS_GNUTLS, TLS_SHARED, s->version[TEXT_GNUTLS]);
	if (begins(s->name, "libssl3.so"))
		add(f, TLS_NSS, TLS_SHARED, s->version[TEXT_NSS]);
	if (begins(s->name, "libmbedtls"))
		add(f, TLS_MBEDTLS, TLS_SHARED, "");
	else if (s->seen[TEXT_MBEDTLS] && s->seen[TEXT_TLS])
		add(f, TLS_MBEDTLS, TLS_HIDDEN, s->version[TEXT_MBEDTLS]);
	if (begins(s->name, "libwolfssl"))
		add(f, TLS_WOLFSSL, TLS_SHARED, "");
	if (f->elf.is_go && s->seen[TEXT_GO])
		add(f, TLS_GO, TLS_HIDDEN,
		    begins(f->elf.go_version, "go") ? f->elf.go_version + 2 : f->elf.go_version);
	if (s->seen[TEXT_RUSTLS])
		add(f, TLS_RUSTLS, TLS_HIDDEN, s->version[TEXT_RUSTLS]);
	if (begins(s->name, "libjvm.so"))
		add(f, TLS_JAVA, TLS_SHARED, "");
	/* Its TLS is written in Erlang; it uses only OpenSSL's ciphers. */
	if (strcmp(s->name, "beam.smp") == 0)
		add(f, TLS_ERLANG, TLS_HIDDEN, "");
	if (f->count == 0 && !f->has_crypto && s->seen[TEXT_TLS13])
		add(f, TLS_UNKNOWN, TLS_HIDDEN, "");
}

int tlsfile_read(const struct elffile_source *source, const char *name, struct tls_file *ret)
{
	struct search *s;
	int result;

	*ret = (struct tls_file){.count = 0};
	if (elffile_read(source, &ret->elf) != 0)
		return -1;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -1;
	s->file = ret;
	s->name = name;
	prepare(s);
	result = search_file(s, source);
	if (result == 0)
		conclude(s, ret);
	free(s);
	return result;
}

static int read_source(void *arg, uint64_t at, void *buf, size_t len)
{
	const int *fd = arg;

	return input_at(*fd, at, buf, len);
}

int tlsfile_read_fd(int fd, const char *path, struct tls_file *ret)
{
	struct elffile_source source = {.read = read_source, .arg = &fd};
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return -1;
	source.size = (uint64_t)st.st_size;
	return tlsfile_read(&source, input_name(path), ret);
}
