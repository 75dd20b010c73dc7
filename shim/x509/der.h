/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_DER_H
#define CATRUST_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_UTF8_STRING = 0x0c,
	DER_IA5_STRING = 0x16,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT_0 = 0xa0,
	DER_CONTEXT_3 = 0xa3,
};

/* A piece of the caller's bytes. */
struct span {
	const unsigned char *at;
	size_t len;
};

static inline bool span_is(struct span s, const void *bytes, size_t len)
{
	return s.len == len && memcmp(s.at, bytes, len) == 0;
}

enum der_peek { DER_KNOWN, DER_SHORT, DER_INVALID };

/*
 * The lengths of the header and of the content of the element at the start of *in. The element may
 * be incomplete. DER_SHORT: too few bytes to tell.
 */
enum der_peek der_peek(const struct span *in, size_t *header, size_t *len);

/*
 * Takes one element off the front of *in. tag: its tag byte (only low tag numbers occur here).
 * Accepts definite lengths of up to four bytes, even if they are longer than necessary.
 */
bool der_next(struct span *in, unsigned char *tag, struct span *content);

/* The same, if the element must have this tag. */
bool der_expect(struct span *in, unsigned char tag, struct span *content);

/*
 * The subject of a certificate (RFC 5280 4.1.2.6), as a whole element: a Name. ret_validity: the
 * content of the element before it, which has the two dates.
 */
bool der_subject(const unsigned char *cert, size_t len, struct span *ret_validity,
		 struct span *ret_subject);

#endif
