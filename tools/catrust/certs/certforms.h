/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_CERTFORMS_H
#define CATRUST_CERTFORMS_H

#include <stddef.h>

/* Forms in which people get certificates, but which OpenSSL does not read. */

/*
 * Text in UTF-16, as Windows writes it, and base64 without its PEM lines become what
 * certfile_parse() reads. Returns 0 and *ret, to be freed, or NULL if data is neither; or -ENOMEM.
 */
int certforms_convert(const unsigned char *data, size_t len, unsigned char **ret, size_t *ret_len);

/*
 * What data is, if it is a private key or a known form of others, and the command that converts it;
 * or NULL.
 */
const char *certforms_name(const unsigned char *data, size_t len);

#endif
