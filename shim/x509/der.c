/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/der.h"

enum der_peek der_peek(const struct span *in, size_t *header, size_t *len)
{
	size_t bytes;

	*header = 2;
	if (in->len < 2)
		return DER_SHORT;
	if ((in->at[0] & 0x1fU) == 0x1f)
		return DER_INVALID;
	*len = in->at[1];
	if (*len < 0x80)
		return DER_KNOWN;
	bytes = *len & 0x7fU;
	if (bytes == 0 || bytes > 4)
		return DER_INVALID;
	if (in->len < 2 + bytes)
		return DER_SHORT;
	*len = 0;
	for (size_t i = 0; i < bytes; i++)
		*len = *len << 8 | in->at[2 + i];
	*header += bytes;
	return DER_KNOWN;
}

bool der_next(struct span *in, unsigned char *tag, struct span *content)
{
	size_t header, len;

	if (der_peek(in, &header, &len) != DER_KNOWN || len > in->len - header)
		return false;
	*tag = in->at[0];
	*content = (struct span){in->at + header, len};
	in->at += header + len;
	in->len -= header + len;
	return true;
}

bool der_expect(struct span *in, unsigned char tag, struct span *content)
{
	struct span rest = *in;
	unsigned char got;

	if (!der_next(&rest, &got, content) || got != tag)
		return false;
	*in = rest;
	return true;
}

bool der_subject(const unsigned char *cert, size_t len, struct span *ret_validity,
		 struct span *ret_subject)
{
	struct span in = {cert, len}, whole, tbs, part;
	const unsigned char *start;

	if (!der_expect(&in, DER_SEQUENCE, &whole) || !der_expect(&whole, DER_SEQUENCE, &tbs))
		return false;
	/* The version has a default. */
	(void)der_expect(&tbs, DER_CONTEXT_0, &part);
	if (!der_expect(&tbs, DER_INTEGER, &part))
		return false;
	/* The algorithm, the issuer and the validity. */
	for (int i = 0; i < 3; i++)
		if (!der_expect(&tbs, DER_SEQUENCE, ret_validity))
			return false;
	start = tbs.at;
	if (!der_expect(&tbs, DER_SEQUENCE, &part))
		return false;
	*ret_subject = (struct span){start, (size_t)(tbs.at - start)};
	return true;
}
