/* SPDX-License-Identifier: Apache-2.0 */
/* Which TLS is in a file, and is it reached? And what /proc says. */
#include "stacks/stacks.h"
#include "program/procfile.h"
#include "stacks/elf.h"

#include <check.h>
#include <stdio.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct elf_symbol libssl[] = {{"SSL_CTX_new", true}, {"X509_verify_cert", false}};
static const struct elf_symbol libcrypto[] = {{"X509_verify_cert", true}};
static const struct elf_symbol node[] = {
	{"SSL_CTX_new", true}, {"X509_verify_cert", true}, {"napi_module_register", true}};
static const struct elf_symbol gnutls[] = {{"gnutls_handshake", true}};

static void text_section(struct elf_image *e, const char *text)
{
	elf_section(e, SHT_PROGBITS, ".rodata", text, strlen(text) + 1);
}

static void read_image(const struct elf_image *e, const char *name, struct tls_file *ret)
{
	struct elf_bytes bytes = {e->bytes, e->len};
	struct elffile_source source = {elf_read, &bytes, e->len};

	ck_assert_int_eq(tlsfile_read(&source, name, ret), 0);
}

/* A file with symbols, a libcrypto that it needs, and a text. */
static void make_file(struct tls_file *ret, const char *name, const struct elf_symbol *symbols,
		      size_t count, const char *needed, const char *text)
{
	static struct elf_image e;

	elf_start(&e);
	if (count > 0)
		elf_symbols(&e, symbols, count);
	elf_needs(&e, name, needed);
	text_section(&e, text);
	elf_end(&e, needed != NULL || count == 0);
	read_image(&e, name, ret);
}

/* --- files --- */

START_TEST(test_elf)
{
	static struct elf_image e;
	struct elf_bytes bytes;
	struct elffile_source source = {elf_read, &bytes, 0};
	struct elffile f;

	elf_start(&e);
	elf_symbols(&e, libssl, COUNT(libssl));
	elf_needs(&e, "libssl.so.3", "libcrypto.so.3");
	elf_end(&e, false);
	bytes = (struct elf_bytes){e.bytes, e.len};
	source.size = e.len;
	ck_assert_int_eq(elffile_read(&source, &f), 0);
	ck_assert(f.is_64 && !f.has_interpreter);
	ck_assert_uint_eq(f.machine, EM_X86_64);
	ck_assert_uint_eq(f.first, ELF_FIRST);
	ck_assert_str_eq(f.soname, "libssl.so.3");
	ck_assert_str_eq(f.crypto, "libcrypto.so.3");
	ck_assert_int_eq(f.name[NAME_SSL_NEW], SYMBOL_DEFINED);
	ck_assert_int_eq(f.name[NAME_VERIFY], SYMBOL_IMPORTED);
	ck_assert_int_eq(f.name[NAME_GNUTLS], SYMBOL_ABSENT);
	ck_assert_uint_eq(f.verify_slot, ELF_SLOT);
	ck_assert(!f.is_go);
	/* cut anywhere, it is another file or none, and nothing is read past its end */
	for (size_t len = 0; len < e.len; len++) {
		bytes.len = source.size = len;
		elffile_read(&source, &f);
	}
	/* a size that is not true */
	bytes.len = 100;
	source.size = e.len;
	ck_assert_int_ne(elffile_read(&source, &f), 0);
}
END_TEST

START_TEST(test_elf_of_others)
{
	unsigned char header[64] = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB};
	struct elf_bytes bytes = {header, sizeof(header)};
	struct elffile_source source = {elf_read, &bytes, sizeof(header)};
	struct elffile f;

	header[18] = EM_386;
	ck_assert_int_eq(elffile_read(&source, &f), 0);
	ck_assert(!f.is_64);
	ck_assert_uint_eq(f.machine, EM_386);
	header[EI_DATA] = ELFDATA2MSB;
	ck_assert_int_eq(elffile_read(&source, &f), -1);
	header[0] = '#';
	ck_assert_int_eq(elffile_read(&source, &f), -1);
}
END_TEST

#define BOTH "xx client finished xx c hs traffic xx "

static const struct {
	const char *name, *text, *needed;
	const struct elf_symbol *symbols;
	size_t symbol_count;
	int kind; /* -1: none */
	enum tls_linkage linkage;
	const char *version;
} files[] = {
	{"libssl.so.3", BOTH, "libcrypto.so.3", libssl, 2, TLS_OPENSSL, TLS_SHARED, ""},
	{"libssl-2b3c.so.1.1", "", "libcrypto-9a.so.1.1", libssl, 2, TLS_OPENSSL, TLS_SHARED, ""},
	{"libcrypto.so.3", "OpenSSL 3.0.15 3 Sep 2024", NULL, libcrypto, 1, -1, 0, ""},
	{"node", BOTH "OpenSSL 3.0.19 27 Jan 2026", NULL, node, 3, TLS_OPENSSL, TLS_EXPORTED,
	 "3.0.19"},
	{"python", BOTH "OpenSSL 3.5.1 1 Jul 2025", NULL, NULL, 0, TLS_OPENSSL, TLS_HIDDEN,
	 "3.5.1"},
	{"old", BOTH "OpenSSL 1.0.2k-fips  26 Jan 2017", NULL, NULL, 0, TLS_OPENSSL, TLS_HIDDEN,
	 "1.0.2k"},
	{"small", BOTH "../ssl/statem/statem_clnt.c", NULL, NULL, 0, TLS_OPENSSL, TLS_HIDDEN, ""},
	{"chrome", BOTH "../../ssl/handshake_client.cc", NULL, NULL, 0, TLS_BORINGSSL, TLS_HIDDEN,
	 ""},
	{"grpc.so", BOTH "OpenSSL 1.1.1 (compatible; BoringSSL)", NULL, NULL, 0, TLS_BORINGSSL,
	 TLS_HIDDEN, ""},
	{"awscrt.so", BOTH "OpenSSL 1.1.1 (compatible; AWS-LC 1.30.1)", NULL, NULL, 0, TLS_AWS_LC,
	 TLS_HIDDEN, "1.30.1"},
	{"libressl", BOTH "LibreSSL 3.8.2", NULL, NULL, 0, TLS_LIBRESSL, TLS_HIDDEN, "3.8.2"},
	{"libgnutls.so.30", "Enabled GnuTLS 3.7.9 logging...", NULL, gnutls, 1, TLS_GNUTLS,
	 TLS_SHARED, "3.7.9"},
	{"libssl3.so", "Version: NSS 3.87.1", NULL, NULL, 0, TLS_NSS, TLS_SHARED, "3.87.1"},
	{"libmbedtls.so.14", "", NULL, NULL, 0, TLS_MBEDTLS, TLS_SHARED, ""},
	{"embedded", BOTH "Mbed TLS 2.28.3", NULL, NULL, 0, TLS_MBEDTLS, TLS_HIDDEN, "2.28.3"},
	{"libwolfssl.so.35", "", NULL, NULL, 0, TLS_WOLFSSL, TLS_SHARED, ""},
	{"libjvm.so", "", NULL, NULL, 0, TLS_JAVA, TLS_SHARED, ""},
	{"beam.smp", "", NULL, NULL, 0, TLS_ERLANG, TLS_HIDDEN, ""},
	{"uv", "registry/src/x/rustls-0.23.37/src/lib.rs", NULL, NULL, 0, TLS_RUSTLS, TLS_HIDDEN,
	 "0.23.37"},
	{"other", BOTH, NULL, NULL, 0, TLS_UNKNOWN, TLS_HIDDEN, ""},
	/* no TLS, though it sounds so */
	{"nginx", "built with OpenSSL 3.0.15 3 Sep 2024 client finished", "libcrypto.so.3", NULL, 0,
	 -1, 0, ""},
	{"hasher", "OpenSSL 3.0.15 3 Sep 2024", NULL, NULL, 0, -1, 0, ""},
	{"prose", "client finished OpenSSL 1.1.1 or later is needed", NULL, NULL, 0, -1, 0, ""},
	{"busybox", "client finished", NULL, NULL, 0, -1, 0, ""},
	{"hyper", "src/x/hyper-rustls-0.27.7/src/lib.rs", NULL, NULL, 0, -1, 0, ""},
	{"libcurl-gnutls.so.4", "GnuTLS", NULL, NULL, 0, -1, 0, ""},
};

START_TEST(test_file)
{
	struct tls_file f;

	make_file(&f, files[_i].name, files[_i].symbols, files[_i].symbol_count, files[_i].needed,
		  files[_i].text);
	ck_assert_msg(f.count == (files[_i].kind >= 0), "%s: %zu stacks", files[_i].name, f.count);
	if (files[_i].kind < 0)
		return;
	ck_assert_int_eq(f.stack[0].kind, files[_i].kind);
	ck_assert_int_eq(f.stack[0].linkage, files[_i].linkage);
	ck_assert_str_eq(f.stack[0].version, files[_i].version);
}
END_TEST

START_TEST(test_crypto)
{
	struct tls_file f;

	make_file(&f, "libcrypto.so.3", libcrypto, 1, NULL, "OpenSSL 3.0.15 3 Sep 2024");
	ck_assert(f.has_crypto);
	ck_assert_str_eq(f.crypto.version, "3.0.15");
	ck_assert_int_eq(f.crypto.kind, TLS_OPENSSL);
}
END_TEST

START_TEST(test_two_in_one)
{
	struct tls_file f;

	make_file(&f, "cargo", NULL, 0, NULL,
		  BOTH "OpenSSL 3.5.4 30 Sep 2025 /rustls-0.23.37/src/ SSL_CERT_FILESSL_CERT_DIR");
	ck_assert_uint_eq(f.count, 2);
	ck_assert_int_eq(f.stack[0].kind, TLS_OPENSSL);
	ck_assert_int_eq(f.stack[1].kind, TLS_RUSTLS);
	ck_assert_uint_eq(f.variables, 1U << VARIABLE_SSL_CERT_FILE);
}
END_TEST

/* As rustc has them: two moves of eight bytes. */
START_TEST(test_names_in_pieces)
{
	struct tls_file f;
	char far[200];

	make_file(&f, "polars", NULL, 0, NULL,
		  "/rustls-0.23.37/src/ H\xb8SSL_CERTH1\x02H\xbb"
		  "ERT_FILEH3B\x05");
	ck_assert_uint_eq(f.variables, 1U << VARIABLE_SSL_CERT_FILE);
	make_file(&f, "polars", NULL, 0, NULL, "/rustls-0.23.37/src/ CA_CERTS....NODE_EXT");
	ck_assert_uint_eq(f.variables, 1U << VARIABLE_NODE_EXTRA_CA_CERTS);
	/* not near to each other, or of two names */
	snprintf(far, sizeof(far), "/rustls-0.23.37/src/ SSL_CERT%100sERT_FILE", "");
	make_file(&f, "x", NULL, 0, NULL, far);
	ck_assert_uint_eq(f.variables, 0);
	make_file(&f, "x", NULL, 0, NULL, "/rustls-0.23.37/src/ SSL_CERT_DIR A_BUNDLE GIT_SSL_");
	ck_assert_uint_eq(f.variables, 0);
}
END_TEST

START_TEST(test_go)
{
	static const char info[] = "\xff Go buildinf:\x08\x02"
				   "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				   "\x08go1.22.1\x00";
	static struct elf_image e;
	struct tls_file f;

	elf_start(&e);
	elf_section(&e, SHT_PROGBITS, ".go.buildinfo", info, sizeof(info) - 1);
	text_section(&e, "crypto/tls.(*Conn).Handshake c hs traffic SSL_CERT_FILE");
	elf_end(&e, false);
	read_image(&e, "gh", &f);
	ck_assert_uint_eq(f.count, 1);
	ck_assert_int_eq(f.stack[0].kind, TLS_GO);
	ck_assert_str_eq(f.stack[0].version, "1.22.1");
	/* without crypto/tls in it */
	elf_start(&e);
	elf_section(&e, SHT_PROGBITS, ".go.buildinfo", info, sizeof(info) - 1);
	elf_end(&e, false);
	read_image(&e, "gofmt", &f);
	ck_assert(f.elf.is_go);
	ck_assert_uint_eq(f.count, 0);
}
END_TEST

/* The version is the file's own word: it goes to the terminal only if it looks like one. */
START_TEST(test_go_version_of_an_attacker)
{
	static const char *const versions[] = {"\x08go\x1b[2Jx", "\x06go1\xc2\x9b", "\x06go1\n2",
					       "\x05go1\0"};
	static struct elf_image e;
	struct tls_file f;

	for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
		char info[64] = "\xff Go buildinf:\x08\x02";

		memcpy(info + 32, versions[i], (size_t)versions[i][0] + 1);
		elf_start(&e);
		elf_section(&e, SHT_PROGBITS, ".go.buildinfo", info, sizeof(info));
		text_section(&e, "crypto/tls.(*Conn).Handshake c hs traffic SSL_CERT_FILE");
		elf_end(&e, false);
		read_image(&e, "gh", &f);
		ck_assert_uint_eq(f.count, 1);
		ck_assert_int_eq(f.stack[0].kind, TLS_GO);
		ck_assert_str_eq(f.stack[0].version, "");
	}
}
END_TEST

/* A text that lies across the border of what is read at once. */
START_TEST(test_text_anywhere)
{
	static const char text[] = BOTH "OpenSSL 3.5.1 1 Jul 2025";
	enum { BORDER = 1 << 20, SIZE = BORDER + 4096 };
	unsigned char *bytes = calloc(1, SIZE);
	static struct elf_image e;

	ck_assert_ptr_nonnull(bytes);
	elf_start(&e);
	elf_end(&e, true);
	for (size_t shift = 0; shift < sizeof(text) + 2; shift++) {
		struct elf_bytes source_bytes = {bytes, SIZE};
		struct elffile_source source = {elf_read, &source_bytes, SIZE};
		struct tls_file f;

		memset(bytes, 0, SIZE);
		memcpy(bytes, e.bytes, e.len);
		memcpy(bytes + BORDER - shift, text, sizeof(text));
		ck_assert_int_eq(tlsfile_read(&source, "x", &f), 0);
		ck_assert_uint_eq(f.count, 1);
		ck_assert_str_eq(f.stack[0].version, "3.5.1");
	}
	free(bytes);
}
END_TEST

/* --- verdicts --- */

enum file {
	PYTHON,
	SH_STATIC,
	SH_32,
	LD_SO,
	LIBC,
	SHIM,
	SHIM_NO_FILES,
	GNOME,
	SSL3,
	CRYPTO3,
	CRYPTO1,
	STATIC_PYTHON,
	NODE,
	GRPC,
	GNUTLS,
	LIBLDAP,
	WGET,
	GIT,
	GO,
	RUST,
	RUST_ALONE,
	JVM,
	CRYPTO_LIBRE,
	FILES,
};

static struct tls_file made[FILES];
static const char *const paths[FILES] = {
	[PYTHON] = "/usr/bin/python3.11",
	[SH_STATIC] = "/bin/sh",
	[SH_32] = "/opt/sh32",
	[LD_SO] = "/lib64/ld-linux-x86-64.so.2",
	[LIBC] = "/lib/libc.so.6",
	[SHIM] = "/usr/lib/libcatrust.so",
	[SHIM_NO_FILES] = "/old/libcatrust.so",
	[GNOME] = "/usr/bin/gnome",
	[SSL3] = "/lib/libssl.so.3",
	[CRYPTO3] = "/lib/libcrypto.so.3",
	[CRYPTO1] = "/lib/libcrypto.so.1.0.2",
	[STATIC_PYTHON] = "/root/.local/bin/python3.13",
	[NODE] = "/usr/bin/node",
	[GRPC] = "/lib/cygrpc.so",
	[GNUTLS] = "/lib/libgnutls.so.30",
	[LIBLDAP] = "/lib/libldap-2.5.so.0",
	[WGET] = "/usr/bin/wget",
	[GIT] = "/usr/lib/git-core/git-remote-https",
	[GO] = "/usr/bin/gh",
	[RUST] = "/usr/bin/uv",
	[RUST_ALONE] = "/usr/bin/rusty",
	[JVM] = "/usr/lib/jvm/libjvm.so",
	[CRYPTO_LIBRE] = "/lib/libcrypto.so.52",
};

static void make_files(void)
{
	static const struct elf_symbol fopen_only[] = {{"fopen", true}};
	static const struct elf_symbol hooks[] = {{"fopen", true},
						  {"gnutls_certificate_verify_peers3", true}};
	static const struct elf_symbol handshake[] = {{"gnutls_handshake", false}};
	static const struct elf_symbol verify[] = {{"gnutls_handshake", false},
						   {"gnutls_certificate_verify_peers2", false}};

	make_file(&made[PYTHON], "", NULL, 0, "libcrypto.so.3", "");
	make_file(&made[SH_STATIC], "", libcrypto, 0, NULL, "");
	made[SH_STATIC].elf.has_interpreter = false;
	made[SH_32] = made[SH_STATIC];
	made[SH_32].elf.is_64 = false;
	made[SH_32].elf.machine = EM_386;
	made[LD_SO] = made[SH_STATIC];
	make_file(&made[LIBC], "libc.so.6", fopen_only, 1, NULL, "");
	make_file(&made[SHIM], "libcatrust.so", hooks, 2, NULL, "");
	make_file(&made[SHIM_NO_FILES], "libcatrust.so", NULL, 0, NULL, "");
	make_file(&made[SSL3], "libssl.so.3", libssl, 2, "libcrypto.so.3", BOTH);
	make_file(&made[CRYPTO3], "libcrypto.so.3", libcrypto, 1, NULL,
		  "OpenSSL 3.0.15 3 Sep 2024");
	make_file(&made[CRYPTO1], "libcrypto.so.1.0.2", libcrypto, 1, NULL,
		  "OpenSSL 1.0.2u 20 Dec 2019");
	make_file(&made[CRYPTO_LIBRE], "libcrypto.so.52", libcrypto, 1, NULL, "LibreSSL 3.8.2");
	make_file(&made[STATIC_PYTHON], "", NULL, 0, NULL,
		  BOTH "OpenSSL 3.5.1 1 Jul 2025 SSL_CERT_FILE");
	make_file(&made[NODE], "", node, 3, NULL,
		  BOTH "OpenSSL 3.0.19 27 Jan 2026 SSL_CERT_FILE NODE_EXTRA_CA_CERTS");
	made[NODE].elf.has_interpreter = true;
	made[NODE].elf.verify_slot = 0;
	make_file(&made[GRPC], "", NULL, 0, NULL,
		  BOTH "../ssl/handshake_client.cc GRPC_DEFAULT_SSL_ROOTS_FILE_PATH");
	make_file(&made[GNUTLS], "libgnutls.so.30", gnutls, 1, NULL,
		  "Enabled GnuTLS 3.7.9 logging");
	make_file(&made[LIBLDAP], "libldap-2.5.so.0", handshake, 1, NULL, "");
	make_file(&made[GNOME], "", handshake, 1, NULL, "");
	made[GNOME].elf.has_interpreter = true;
	make_file(&made[WGET], "", verify, 2, NULL, "SSL_CERT_FILE");
	made[WGET].elf.has_interpreter = true;
	make_file(&made[GIT], "", verify, 2, NULL, "GIT_SSL_CAINFO");
	made[GIT].elf.has_interpreter = true;
	make_file(&made[GO], "", NULL, 0, NULL, "crypto/tls.(*Conn).x SSL_CERT_FILE");
	made[GO].stack[0] = (struct tls_stack){.kind = TLS_GO, .linkage = TLS_HIDDEN};
	made[GO].count = 1;
	made[GO].elf.has_interpreter = false;
	make_file(&made[RUST], "", NULL, 0, NULL, "/rustls-0.23.1/ SSL_CERT_FILE");
	make_file(&made[RUST_ALONE], "", NULL, 0, NULL, "/rustls-0.23.1/");
	make_file(&made[JVM], "libjvm.so", NULL, 0, NULL, "");
}

enum {
	END = -1,
	PRELOADED = 1,
	NAMED = 2,
	SECURE = 4,
	DISABLED = 8,
	FILES_OFF = 16,
	JAVA = 32,
	OPENSSL_CA = 64,
	ELSEWHERE = 128,
	HOOKED = 256,
	SET = 512,
	GOOD = 1024
};

static const struct {
	int file[6]; /* the first is the program, the second the one that is asked about */
	unsigned how;
	enum stacks_layer layer;
	enum stacks_reason reason;
	const char *advice; /* a part of it */
} verdicts[] = {
	{{PYTHON, SSL3, CRYPTO3, SHIM, END}, PRELOADED | NAMED, LAYER_HOOKS, REASON_NONE, ""},
	{{PYTHON, SSL3, CRYPTO3, SHIM, END}, PRELOADED | HOOKED, LAYER_HOOKS, REASON_NONE, ""},
	{{PYTHON, SSL3, CRYPTO3, SHIM, END},
	 PRELOADED | ELSEWHERE,
	 LAYER_NONE,
	 REASON_LOOKS_PAST,
	 "option"},
	{{PYTHON, SSL3, CRYPTO3, SHIM, END},
	 PRELOADED | DISABLED,
	 LAYER_NONE,
	 REASON_DISABLED,
	 "unset CATRUST_DISABLE"},
	{{PYTHON, SSL3, CRYPTO1, SHIM, END}, PRELOADED, LAYER_NONE, REASON_OLD, ""},
	{{PYTHON, SSL3, CRYPTO3, LIBC, END}, 0, LAYER_NONE, REASON_CLEARED, "catrust-run behind"},
	{{PYTHON, SSL3, CRYPTO3, LIBC, END}, NAMED, LAYER_NONE, REASON_NOT_LOADED, "same path"},
	{{PYTHON, SSL3, CRYPTO3, LIBC, END},
	 NAMED | SECURE,
	 LAYER_NONE,
	 REASON_SECURE,
	 "/etc/catrust"},
	{{NODE, SSL3, CRYPTO3, SHIM, END}, PRELOADED, LAYER_NONE, REASON_OWN, "option"},
	{{STATIC_PYTHON, STATIC_PYTHON, SHIM, END}, PRELOADED, LAYER_FILES, REASON_NONE, ""},
	{{STATIC_PYTHON, STATIC_PYTHON, SHIM, END},
	 PRELOADED | FILES_OFF,
	 LAYER_NONE,
	 REASON_FILES_OFF,
	 "SSL_CERT_FILE"},
	{{STATIC_PYTHON, STATIC_PYTHON, SHIM, END},
	 PRELOADED | FILES_OFF | SET | GOOD,
	 LAYER_ENVIRONMENT,
	 REASON_NONE,
	 ""},
	{{STATIC_PYTHON, STATIC_PYTHON, SHIM, END},
	 PRELOADED | FILES_OFF | SET,
	 LAYER_NONE,
	 REASON_FILES_OFF,
	 "it adds the CAs to what SSL_CERT_FILE names"},
	{{STATIC_PYTHON, STATIC_PYTHON, SHIM_NO_FILES, END},
	 PRELOADED,
	 LAYER_NONE,
	 REASON_FILES_OFF,
	 "SSL_CERT_FILE"},
	{{NODE, NODE, SHIM, END}, PRELOADED, LAYER_NONE, REASON_BUILT_IN, "NODE_EXTRA_CA_CERTS"},
	{{NODE, NODE, SHIM, END}, PRELOADED | OPENSSL_CA, LAYER_FILES, REASON_NONE, ""},
	{{NODE, NODE, SHIM, END}, PRELOADED | SET | GOOD, LAYER_ENVIRONMENT, REASON_NONE, ""},
	{{PYTHON, GRPC, SHIM, END}, PRELOADED, LAYER_NONE, REASON_BUILT_IN, "GRPC_DEFAULT"},
	{{WGET, GNUTLS, SHIM, END}, PRELOADED, LAYER_HOOKS, REASON_NONE, ""},
	{{GIT, GNUTLS, SHIM, END}, PRELOADED, LAYER_HOOKS, REASON_NONE, ""},
	{{GNOME, GNUTLS, SHIM, END}, PRELOADED, LAYER_NONE, REASON_OTHER_VERIFY, "update-ca"},
	{{WGET, GNUTLS, SHIM_NO_FILES, END},
	 PRELOADED,
	 LAYER_NONE,
	 REASON_OTHER_LIBRARY,
	 "update-ca"},
	{{GIT, GNUTLS, SHIM, END},
	 PRELOADED | DISABLED | SET | GOOD,
	 LAYER_ENVIRONMENT,
	 REASON_NONE,
	 ""},
	{{GIT, GNUTLS, LIBC, END}, SET | GOOD, LAYER_ENVIRONMENT, REASON_NONE, ""},
	{{GIT, GNUTLS, LIBC, END}, 0, LAYER_NONE, REASON_CLEARED, "catrust-run behind"},
	{{GO, GO, END}, NAMED, LAYER_NONE, REASON_STATIC, "SSL_CERT_FILE"},
	{{GO, GO, END}, NAMED | SET | GOOD, LAYER_ENVIRONMENT, REASON_NONE, ""},
	{{RUST, RUST, SHIM, END}, PRELOADED, LAYER_NONE, REASON_OTHER_LIBRARY, "SSL_CERT_FILE"},
	{{RUST_ALONE, RUST_ALONE, SHIM, END},
	 PRELOADED | SET | GOOD,
	 LAYER_NONE,
	 REASON_OTHER_LIBRARY,
	 "--mount; if neither helps, its roots are in the"},
	{{PYTHON, JVM, SHIM, END},
	 PRELOADED | SET | GOOD,
	 LAYER_NONE,
	 REASON_OTHER_LIBRARY,
	 "JAVA_TOOL_OPTIONS"},
	{{PYTHON, JVM, SHIM, END}, PRELOADED | JAVA, LAYER_ENVIRONMENT, REASON_NONE, ""},
	{{PYTHON, SSL3, CRYPTO_LIBRE, SHIM, END}, PRELOADED, LAYER_NONE, REASON_OTHER_LIBRARY, ""},
};

static void make_program(struct stacks_program *p, struct stacks_use *use, const int *file,
			 unsigned how)
{
	*p = (struct stacks_program){
		.is_preloaded = (how & PRELOADED) != 0,
		.is_named = (how & NAMED) != 0,
		.is_secure = (how & SECURE) != 0,
		.is_disabled = (how & DISABLED) != 0,
		.files_off = (how & FILES_OFF) != 0,
		.java_store = (how & JAVA) != 0,
		.openssl_ca = (how & OPENSSL_CA) != 0,
		.set = (how & SET) != 0 ? ~0U : 0,
		.good = (how & GOOD) != 0 ? ~0U : 0,
		.machine = EM_X86_64,
		.use = use,
	};
	for (; file[p->use_count] != END; p->use_count++)
		use[p->use_count] = (struct stacks_use){.file = &made[file[p->use_count]],
							.path = paths[file[p->use_count]]};
	use[0].is_main = true;
	if ((how & (ELSEWHERE | HOOKED)) != 0)
		use[1].slot = (how & HOOKED) != 0 ? SLOT_HOOKED : SLOT_ELSEWHERE;
}

START_TEST(test_verdict)
{
	struct stacks_use use[6];
	struct stacks_program p;
	char advice[STACKS_ADVICE];
	struct stacks_verdict v;

	make_files();
	make_program(&p, use, verdicts[_i].file, verdicts[_i].how);
	ck_assert_uint_gt(use[1].file->count, 0);
	v = stacks_judge(&p, 1, 0);
	ck_assert_int_eq(v.layer, verdicts[_i].layer);
	ck_assert_str_eq(stacks_reason_name(v.reason), stacks_reason_name(verdicts[_i].reason));
	ck_assert_msg(strstr(stacks_advice(&v, advice), verdicts[_i].advice) != NULL, "%s", advice);
	/* who is in reach by hooks or a variable needs no advice, and who is not gets some */
	ck_assert_int_eq(v.layer == LAYER_NONE || v.layer == LAYER_FILES, advice[0] != '\0');
	/* in reach is not reached */
	ck_assert_int_eq(stacks_result(&v), v.layer == LAYER_NONE ? RESULT_NO : RESULT_UNKNOWN);
	ck_assert(!v.is_aside);
}
END_TEST

START_TEST(test_version_of_the_libcrypto)
{
	static const int mixed[] = {PYTHON, SSL3, CRYPTO1, CRYPTO3, SHIM, END};
	struct stacks_use use[6];
	struct stacks_program p;

	make_files();
	make_program(&p, use, mixed, PRELOADED);
	ck_assert_str_eq(stacks_judge(&p, 1, 0).stack.version, "3.0.15");
}
END_TEST

/* Only what was seen in the file itself, or in its libcrypto, says that it is reached. */
START_TEST(test_result)
{
	static const int hooked[] = {PYTHON, SSL3, CRYPTO3, CRYPTO1, SHIM, END};
	static const int file[] = {PYTHON, STATIC_PYTHON, SSL3, CRYPTO3, SHIM, END};
	char advice[STACKS_ADVICE];
	struct stacks_use use[6];
	struct stacks_program p;
	struct stacks_verdict v;

	make_files();
	make_program(&p, use, hooked, PRELOADED);
	use[3].is_verified = true;
	v = stacks_judge(&p, 1, 0);
	ck_assert_int_eq(stacks_result(&v), RESULT_UNKNOWN);
	use[2].is_verified = true;
	v = stacks_judge(&p, 1, 0);
	ck_assert_int_eq(stacks_result(&v), RESULT_YES);
	make_program(&p, use, file, PRELOADED);
	use[3].is_verified = true;
	v = stacks_judge(&p, 1, 0);
	ck_assert_int_eq(stacks_result(&v), RESULT_UNKNOWN);
	ck_assert_ptr_nonnull(strstr(stacks_advice(&v, advice), "SSL_CERT_FILE"));
	use[1].is_served = true;
	v = stacks_judge(&p, 1, 0);
	ck_assert_int_eq(stacks_result(&v), RESULT_YES);
	ck_assert_str_eq(stacks_advice(&v, advice), "");
}
END_TEST

START_TEST(test_aside)
{
	static const int with_ldap[] = {PYTHON, GNUTLS, LIBLDAP, SHIM, END};
	static const int with_gnome[] = {GNOME, GNUTLS, LIBLDAP, SHIM, END};
	static const int with_none[] = {PYTHON, GNUTLS, SHIM, END};
	struct stacks_use use[6];
	struct stacks_program p;
	char advice[STACKS_ADVICE];
	struct stacks_verdict v;

	make_files();
	make_program(&p, use, with_ldap, PRELOADED);
	v = stacks_judge(&p, 1, 0);
	ck_assert(v.is_aside && v.layer == LAYER_NONE);
	ck_assert_str_eq(stacks_advice(&v, advice), "");
	make_program(&p, use, with_gnome, PRELOADED);
	ck_assert(!stacks_judge(&p, 1, 0).is_aside);
	make_program(&p, use, with_none, PRELOADED);
	ck_assert(!stacks_judge(&p, 1, 0).is_aside);
}
END_TEST

static const struct {
	int file[4];
	unsigned how;
	enum stacks_reason reason;
} losses[] = {
	{{PYTHON, LD_SO, SHIM, END}, PRELOADED | NAMED, REASON_NONE},
	{{SH_STATIC, END}, NAMED, REASON_STATIC},
	{{SH_32, END}, NAMED, REASON_OTHER_MACHINE},
	{{LD_SO, LIBC, END}, NAMED, REASON_NOT_LOADED},
	{{PYTHON, LD_SO, LIBC, END}, 0, REASON_CLEARED},
	{{PYTHON, LD_SO, LIBC, END}, NAMED | SECURE, REASON_SECURE},
	/* it was gone before the dynamic linker had done anything */
	{{PYTHON, LD_SO, END}, NAMED, REASON_NONE},
	{{PYTHON, END}, NAMED, REASON_NONE},
};

START_TEST(test_loss)
{
	struct stacks_use use[4];
	struct stacks_program p;

	make_files();
	make_program(&p, use, losses[_i].file, losses[_i].how);
	ck_assert_str_eq(stacks_reason_name(stacks_lost(&p)),
			 stacks_reason_name(losses[_i].reason));
}
END_TEST

START_TEST(test_words)
{
	for (int i = 0; i < TLS_KINDS; i++)
		ck_assert_uint_gt(strlen(stacks_kind_text((enum tls_kind)i)), 0);
	for (int i = 1; i < REASONS; i++) {
		ck_assert_uint_gt(strlen(stacks_reason_name((enum stacks_reason)i)), 0);
		ck_assert_uint_gt(strlen(stacks_reason_text((enum stacks_reason)i)), 0);
	}
}
END_TEST

/* --- /proc --- */

START_TEST(test_mapping)
{
	char code[] = "7f1a2000-7f1a4000 r-xp 00001000 fd:00 1234                  /usr/lib/a b.so";
	char data[] = "7f1a4000-7f1a5000 rw-p 00000000 00:00 0 ";
	char heap[] = "7f1a4000-7f1a5000 rw-p 00000000 00:00 0       [heap]";
	char zero[] = "0-1 r--p 00000000 00:00 0";
	char gone[] = "1-2 r-xp 00000000 fd:00 5    /lib/a.so (deleted)";
	struct procfile_mapping m;

	ck_assert(procfile_mapping(code, &m));
	ck_assert_uint_eq(m.start, 0x7f1a2000);
	ck_assert_uint_eq(m.end, 0x7f1a4000);
	ck_assert(m.is_code);
	ck_assert_uint_eq(m.inode, 1234);
	ck_assert_str_eq(m.device, "fd:00");
	ck_assert_str_eq(m.path, "/usr/lib/a b.so");
	ck_assert(procfile_mapping(data, &m) && !m.is_code);
	ck_assert_str_eq(m.path, "");
	ck_assert(procfile_mapping(heap, &m));
	ck_assert_str_eq(m.path, "[heap]");
	ck_assert(procfile_mapping(zero, &m) && !m.is_deleted);
	ck_assert(procfile_mapping(gone, &m) && m.is_deleted);
	ck_assert_str_eq(m.path, "/lib/a.so");
}
END_TEST

static const char *const bad_mappings[] = {
	"",
	"x",
	"1-",
	"1-2",
	"2-1 r-xp 0 0:0 0",
	"1-2 r-x",
	"1-2 r-xpq 0 0:0 0",
	"1-2 r-xp 0",
	"1-2 r-xp 0 0:0",
	"99999999999999999-2 r-xp 0 0:0 0",
};

START_TEST(test_bad_mapping)
{
	struct procfile_mapping m;
	char line[64];

	memcpy(line, bad_mappings[_i], strlen(bad_mappings[_i]) + 1);
	ck_assert(!procfile_mapping(line, &m));
}
END_TEST

START_TEST(test_texts_of_proc)
{
	static const char environment[] = "A=1\0LD_PRELOAD=/x\0LD_PRELOAD=/y\0EMPTY=\0NONE";
	uint64_t aux[] = {6, 4096, 23, 1, 0, 0};
	unsigned long long start;
	size_t len = sizeof(environment);

	ck_assert_str_eq(procfile_variable(environment, len, "LD_PRELOAD"), "/x");
	ck_assert_str_eq(procfile_variable(environment, len, "EMPTY"), "");
	ck_assert_ptr_null(procfile_variable(environment, len, "NONE"));
	ck_assert_ptr_null(procfile_variable(environment, len, "LD"));
	ck_assert_ptr_null(procfile_variable("", 0, "A"));
	ck_assert_uint_eq(procfile_aux((const char *)aux, sizeof(aux), 23), 1);
	ck_assert_uint_eq(procfile_aux((const char *)aux, 17, 23), 0);
	ck_assert_int_eq(procfile_status("Name:\tTgid:\nTgid:\t42\nPid:\t43\n", "Tgid:"), 42);
	ck_assert_int_eq(procfile_status("Name:\tx\n", "Tgid:"), -1);
	ck_assert(procfile_start("1 (a) b) S 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 777 20",
				 &start));
	ck_assert_uint_eq(start, 777);
	ck_assert(!procfile_start("1 (a", &start));
	ck_assert(!procfile_start("1 (a) S 2", &start));
}
END_TEST

START_TEST(test_own_files_of_proc)
{
	size_t len;
	char *text = procfile_read(getpid(), "maps", &len), *rest, *line;
	size_t code = 0;

	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq(strlen(text), len);
	for (rest = text; (line = strsep(&rest, "\n")) != NULL;) {
		struct procfile_mapping m;

		if (line[0] == '\0')
			continue;
		ck_assert(procfile_mapping(line, &m));
		code += m.is_code && m.path[0] == '/';
	}
	ck_assert_uint_gt(code, 1);
	free(text);
	ck_assert_ptr_null(procfile_read(getpid(), "nothing", &len));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stacks");
	TCase *tests = tcase_create("stacks");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, test_elf);
	tcase_add_test(tests, test_elf_of_others);
	tcase_add_loop_test(tests, test_file, 0, (int)COUNT(files));
	tcase_add_test(tests, test_crypto);
	tcase_add_test(tests, test_two_in_one);
	tcase_add_test(tests, test_names_in_pieces);
	tcase_add_test(tests, test_go);
	tcase_add_test(tests, test_go_version_of_an_attacker);
	tcase_add_test(tests, test_text_anywhere);
	tcase_add_loop_test(tests, test_verdict, 0, (int)COUNT(verdicts));
	tcase_add_test(tests, test_version_of_the_libcrypto);
	tcase_add_test(tests, test_aside);
	tcase_add_test(tests, test_result);
	tcase_add_loop_test(tests, test_loss, 0, (int)COUNT(losses));
	tcase_add_test(tests, test_words);
	tcase_add_test(tests, test_mapping);
	tcase_add_loop_test(tests, test_bad_mapping, 0, (int)COUNT(bad_mappings));
	tcase_add_test(tests, test_texts_of_proc);
	tcase_add_test(tests, test_own_files_of_proc);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
