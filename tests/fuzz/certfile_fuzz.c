/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certfile_parse() against any bytes: what it hands out must be whole and inside its buffer, and
 * the same each time. Under libFuzzer the fuzzer feeds it; with FUZZ_MAIN it is a program that
 * takes files, or standard input.
 */
#include "x509/certfile.h"

#include "must.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All that one run told its sink. */
struct record {
	const unsigned char *data; /* the input */
	size_t len;
	size_t lines; /* that it can have at most */
	size_t certs;
	size_t problems;
	size_t refuse_at; /* the certificate, counted from 1, at which the sink says no; 0: never */
	bool stopped;
	uint64_t hash; /* of all events in their order */
};

static void mix(struct record *r, const void *bytes, size_t len)
{
	const unsigned char *b = bytes;

	for (size_t i = 0; i < len; i++)
		r->hash = (r->hash ^ b[i]) * UINT64_C(1099511628211);
}

static void check_place(struct record *r, struct certfile_place place)
{
	unsigned char is_line = place.is_line;

	if (place.is_line)
		MUST(place.at >= 1 && place.at <= r->lines);
	else
		MUST(place.at == 0 || place.at < r->len);
	mix(r, &is_line, sizeof(is_line));
	mix(r, &place.at, sizeof(place.at));
}

/* A length as X.690 8.1.3 has it, read here on its own: the parser's reading is what is tested. */
static bool is_one_sequence(const unsigned char *der, size_t len)
{
	size_t count, value = 0;

	if (len < 2 || der[0] != 0x30)
		return false;
	if (der[1] < 0x80)
		return len == 2 + (size_t)der[1];
	count = der[1] & 0x7fU;
	if (count == 0 || count > sizeof(value) || len < 2 + count)
		return false;
	for (size_t i = 0; i < count; i++)
		value = value * 256 + der[2 + i];
	return value == len - 2 - count;
}

static bool on_cert(void *arg, const unsigned char *der, size_t len, struct certfile_place place)
{
	struct record *r = arg;
	uintptr_t from = (uintptr_t)der, data = (uintptr_t)r->data;

	MUST(!r->stopped);
	MUST(is_one_sequence(der, len));
	/* Either a part of the input or decoded from it, which base64 only makes shorter. */
	MUST(len <= r->len);
	if (from >= data && from < data + r->len)
		MUST(len <= r->len - (from - data));
	check_place(r, place);
	mix(r, der, len);
	r->certs++;
	MUST(r->certs <= CERTFILE_MAX_CERTS);
	r->stopped = r->certs == r->refuse_at;
	return !r->stopped;
}

static void on_problem(void *arg, struct certfile_place place, const char *reason)
{
	struct record *r = arg;

	MUST(!r->stopped);
	MUST(reason != NULL && reason[0] != '\0' && strpbrk(reason, "\r\n") == NULL);
	check_place(r, place);
	mix(r, reason, strlen(reason));
	r->problems++;
}

static int parse(const unsigned char *data, size_t len, size_t refuse_at, struct record *ret)
{
	struct certfile_sink sink = {.cert = on_cert, .problem = on_problem, .arg = ret};

	*ret = (struct record){
		.data = data,
		.len = len,
		.lines = 1,
		.refuse_at = refuse_at,
		.hash = UINT64_C(14695981039346656037),
	};
	for (size_t i = 0; i < len; i++)
		if (data[i] == '\n' || data[i] == '\r')
			ret->lines++;
	return certfile_parse(data, len, &sink);
}

static int check(const unsigned char *data, size_t len, struct record *ret)
{
	struct record again;
	int r = parse(data, len, 0, ret);

	MUST(r == 0 || r == -E2BIG || r == -ENOMEM);
	MUST(r != 0 || ret->certs + ret->problems > 0);
	MUST(r != -E2BIG || ret->certs == CERTFILE_MAX_CERTS);

	MUST(parse(data, len, 0, &again) == r);
	MUST(again.hash == ret->hash && again.certs == ret->certs &&
	     again.problems == ret->problems);

	if (ret->certs > 0) {
		size_t refuse_at = 1 + len % ret->certs;

		MUST(parse(data, len, refuse_at, &again) == -ENOMEM);
		MUST(again.certs == refuse_at);
	}
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record r;

	check(data, size, &r);
	return 0;
}

#ifdef FUZZ_MAIN

enum { MAX_INPUT = 8 << 20 };

/* To the last byte and no further, so that a read past the end is one past the allocation. */
static unsigned char *read_all(FILE *f, size_t *ret_len)
{
	unsigned char *buf = malloc(MAX_INPUT + 1), *exact = NULL;
	size_t len;

	if (buf == NULL)
		return NULL;
	len = fread(buf, 1, MAX_INPUT + 1, f);
	if (!ferror(f) && len <= MAX_INPUT)
		exact = malloc(len == 0 ? 1 : len);
	if (exact != NULL) {
		memcpy(exact, buf, len);
		*ret_len = len;
	}
	free(buf);
	return exact;
}

static bool run_file(const char *name, FILE *f)
{
	size_t len;
	unsigned char *data = read_all(f, &len);
	struct record record;
	int r;

	if (data == NULL) {
		fprintf(stderr, "%s: cannot be read, or is above %d bytes\n", name, MAX_INPUT);
		return false;
	}
	r = check(data, len, &record);
	printf("%s: %zu certificates, %zu problems, result %d\n", name, record.certs,
	       record.problems, r);
	free(data);
	return true;
}

int main(int argc, char **argv)
{
	bool ok = true;

	if (argc < 2)
		ok = run_file("standard input", stdin);
	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");

		if (f == NULL) {
			perror(argv[i]);
			ok = false;
			continue;
		}
		ok = run_file(argv[i], f) && ok;
		fclose(f);
	}
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
