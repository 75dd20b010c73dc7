/* SPDX-License-Identifier: Apache-2.0 */
#include "filename.h"

#include <stdio.h>

char *filename_for(const unsigned char *name, size_t len, const struct fingerprint *f,
		   char buf[FILENAME_SIZE])
{
	char slug[FILENAME_SLUG + 1];
	size_t at = 0;

	for (size_t i = 0; i < len && at < FILENAME_SLUG; i++) {
		unsigned char c = name[i];

		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c - 'A' + 'a');
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			slug[at++] = (char)c;
		else if (at > 0 && slug[at - 1] != '-')
			slug[at++] = '-';
	}
	if (at > 0 && slug[at - 1] == '-')
		at--;
	slug[at] = '\0';
	snprintf(buf, FILENAME_SIZE, "%s-%02x%02x%02x%02x.pem", at > 0 ? slug : "ca", f->byte[0],
		 f->byte[1], f->byte[2], f->byte[3]);
	return buf;
}
