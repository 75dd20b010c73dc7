/* SPDX-License-Identifier: Apache-2.0 */
/* What a web server may answer in place of a certificate, and what a certificate may point to. */
#include "certs/aia.h"

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
	STACK_OF(X509) *certs = aia_read_answer(data, len);
	struct aia_urls *urls = malloc(sizeof(*urls));

	check(certs != NULL && urls != NULL);
	check(sk_X509_num(certs) <= AIA_MAX_CERTS);
	check(len <= AIA_MAX_ANSWER || sk_X509_num(certs) == 0);
	for (int i = 0; i < sk_X509_num(certs); i++) {
		aia_find_urls(sk_X509_value(certs, i), urls);
		check(urls->count <= AIA_MAX_URLS);
		for (size_t u = 0; u < urls->count; u++) {
			check(strncmp(urls->url[u], "http://", 7) == 0 ||
			      strncmp(urls->url[u], "HTTP://", 7) == 0 ||
			      aia_url_wrong(urls->url[u], true) == NULL);
			for (const char *p = urls->url[u]; *p != '\0'; p++)
				check(*p > 0x20 && *p < 0x7f);
		}
		aia_issued(sk_X509_value(certs, i), sk_X509_value(certs, 0));
	}
	free(urls);
	sk_X509_pop_free(certs, X509_free);
	return 0;
}
