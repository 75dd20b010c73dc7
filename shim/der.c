/* SPDX-License-Identifier: Apache-2.0 */
#include "der.h"

bool der_next(struct span *in, unsigned char *tag, struct span *content)
{
	size_t header = 2, len;

	if (in->len < 2 || (in->at[0] & 0x1fU) == 0x1f)
		return false;
	len = in->at[1];
	if (len >= 0x80) {
		size_t bytes = len & 0x7fU;

		if (bytes == 0 || bytes > 4 || in->len < 2 + bytes)
			return false;
		len = 0;
		for (size_t i = 0; i < bytes; i++)
			len = len << 8 | in->at[2 + i];
		header += bytes;
	}
	if (len > in->len - header)
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
