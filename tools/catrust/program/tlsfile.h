/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TLSFILE_H
#define CATRUST_TLSFILE_H

#include "program/elffile.h"

/* Which TLS implementations are in a program or library, according to its symbols and texts. */

enum tls_kind {
	TLS_OPENSSL,
	TLS_LIBRESSL,
	TLS_BORINGSSL,
	TLS_AWS_LC,
	TLS_GNUTLS,
	TLS_NSS,
	TLS_MBEDTLS,
	TLS_WOLFSSL,
	TLS_GO,
	TLS_RUSTLS,
	TLS_JAVA,
	TLS_ERLANG,
	TLS_UNKNOWN, /* TLS 1.3 of an unknown library */
	TLS_KINDS,
};

enum tls_linkage {
	TLS_SHARED,   /* a separate library, which calls its libcrypto's functions */
	TLS_EXPORTED, /* in a file that exports OpenSSL's functions */
	TLS_HIDDEN,   /* in a file, invisible to the dynamic linker */
};

struct tls_stack {
	enum tls_kind kind;
	enum tls_linkage linkage;
	char version[ELFFILE_VERSION]; /* "": unknown */
};

/* Variables that name a CA for runtimes. A file that reads one contains its name. */
enum tls_variable {
	/* these add */
	VARIABLE_NODE_EXTRA_CA_CERTS,
	VARIABLE_DENO_CERT,
	/* these replace */
	VARIABLE_CARGO_HTTP_CAINFO,
	VARIABLE_GIT_SSL_CAINFO,
	VARIABLE_CURL_CA_BUNDLE,
	VARIABLE_GRPC_ROOTS,
	VARIABLE_SSL_CERT_FILE,
	TLS_VARIABLES,
};

extern const char *const tls_variable_name[TLS_VARIABLES];

enum { TLS_STACKS_MAX = 4 };

struct tls_file {
	struct elffile elf;
	struct tls_stack stack[TLS_STACKS_MAX];
	size_t count;
	unsigned variables; /* bits: 1 << enum tls_variable */
	/* If it is a libcrypto: its kind and version. */
	bool has_crypto;
	struct tls_stack crypto;
};

/* name: the file's name without directories. Returns -1 if elffile_read() does. */
int tlsfile_read(const struct elffile_source *source, const char *name, struct tls_file *ret);

/* The same for an open file. path is for its name. Also returns -1 if it can't be read. */
int tlsfile_read_fd(int fd, const char *path, struct tls_file *ret);

#endif
