/* SPDX-License-Identifier: Apache-2.0 */
/* What a server may say before TLS. The first byte chooses the protocol, the second the chunks. */
#include "net/starttls/starttls.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(int ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	enum starttls_protocol protocol;
	struct reason why = {""};
	struct starttls *s;
	size_t chunk;

	if (len < 2)
		return 0;
	s = malloc(sizeof(*s));
	check(s != NULL);
	protocol = (enum starttls_protocol)(1 + data[0] % (STARTTLS_PROTOCOLS - 1));
	chunk = 1 + data[1];
	data += 2;
	len -= 2;
	starttls_start(s, protocol, "host.example");
	while (len > 0 && s->state == STARTTLS_WAIT) {
		size_t part = len < chunk ? len : chunk;

		check(s->out_len <= sizeof(s->out));
		s->out_len = 0;
		starttls_feed(s, data, part, &why);
		data += part;
		len -= part;
	}
	check(s->in_len <= sizeof(s->in));
	check(s->total <= STARTTLS_MAX_TOTAL + STARTTLS_MAX_PIECE);
	check((s->state == STARTTLS_REFUSED) == (why.text[0] != '\0'));
	for (const char *p = why.text; *p != '\0'; p++)
		check((unsigned char)*p >= 0x20 && *p != 0x7f);
	free(s);
	return 0;
}
