/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_ELFFILE_H
#define CATRUST_ELFFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads from an ELF file how it is linked, and whose X509_verify_cert it calls. The file may be a
 * stranger's and may change meanwhile: every offset and length is checked against its size, and it
 * is read, not mapped.
 */

struct elffile_source {
	/* Reads all len bytes from at on, or returns -1. */
	int (*read)(void *arg, uint64_t at, void *buf, size_t len);
	void *arg;
	uint64_t size;
};

/* A name in the dynamic symbol table. */
enum elffile_symbol { SYMBOL_ABSENT, SYMBOL_IMPORTED, SYMBOL_DEFINED };

/* Names that show a TLS library, or a program that contains one. */
enum elffile_name {
	NAME_VERIFY,  /* X509_verify_cert, whose hook reaches verifications */
	NAME_SSL_NEW, /* SSL_CTX_new */
	NAME_FOPEN,   /* in libcatrust.so: it has the file layer */
	NAME_GNUTLS,  /* gnutls_handshake */
	NAME_PEERS,   /* gnutls_certificate_verify_peers (hooked), and similar functions */
	NAME_PEERS2,
	NAME_PEERS3,
	NAME_SET_VERIFY,
	NAME_NAPI, /* napi_module_register: node and similar programs */
	NAMES,
};

enum { ELFFILE_SONAME = 64, ELFFILE_VERSION = 48 };

struct elffile {
	bool is_64;
	uint16_t machine;
	bool has_interpreter; /* a program without one is linked statically */
	uint64_t first;	      /* the lowest address of a segment */
	char soname[ELFFILE_SONAME];
	char crypto[ELFFILE_SONAME]; /* the libcrypto that it needs, or "" */
	enum elffile_symbol name[NAMES];
	uint64_t verify_slot; /* the address of the pointer to X509_verify_cert; 0: none */
	bool is_go;
	char go_version[ELFFILE_VERSION];
};

/* Returns -1 if it is not an ELF file of this machine's byte order, or if it is broken. */
int elffile_read(const struct elffile_source *source, struct elffile *ret);

#endif
