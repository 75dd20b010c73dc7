/* SPDX-License-Identifier: Apache-2.0 */
/* A program or library that a command loads, and a line of /proc/PID/maps. */
#include "program/procfile.h"
#include "program/tlsfile.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct bytes {
	const uint8_t *data;
	size_t len;
};

static void check(int ok)
{
	if (!ok)
		abort();
}

static int read_bytes(void *arg, uint64_t at, void *buf, size_t len)
{
	const struct bytes *b = arg;

	/* The caller knows the size. */
	check(at <= b->len && len <= b->len - at);
	memcpy(buf, b->data + at, len);
	return 0;
}

static void check_stack(const struct tls_stack *stack)
{
	check((unsigned)stack->kind < TLS_KINDS);
	check(stack->linkage == TLS_SHARED || stack->linkage == TLS_EXPORTED ||
	      stack->linkage == TLS_HIDDEN);
	check(memchr(stack->version, '\0', sizeof(stack->version)) != NULL);
}

static void try_file(const uint8_t *data, size_t len)
{
	static const char *const names[] = {"libssl3.so", "libmbedtls.so.14", "libjvm.so", "x"};
	struct bytes bytes = {data, len};
	struct elffile_source source = {read_bytes, &bytes, len};
	struct tls_file f;

	if (tlsfile_read(&source, names[len % 4], &f) != 0)
		return;
	check(f.count <= TLS_STACKS_MAX);
	check(f.variables < 1U << TLS_VARIABLES);
	check(memchr(f.elf.soname, '\0', sizeof(f.elf.soname)) != NULL);
	check(memchr(f.elf.crypto, '\0', sizeof(f.elf.crypto)) != NULL);
	for (size_t i = 0; i < f.count; i++)
		check_stack(&f.stack[i]);
	if (f.has_crypto)
		check_stack(&f.crypto);
}

static void try_line(const uint8_t *data, size_t len)
{
	struct procfile_mapping m;
	char *line = malloc(len + 1);
	unsigned long long start;

	check(line != NULL);
	memcpy(line, data, len);
	line[len] = '\0';
	procfile_start(line, &start);
	procfile_status(line, "Tgid:");
	procfile_variable(line, len, "LD_PRELOAD");
	procfile_aux(line, len, 23);
	if (procfile_mapping(line, &m))
		check(m.path >= line && m.path <= line + len && m.start < m.end);
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	try_file(data, len);
	try_line(data, len);
	return 0;
}
