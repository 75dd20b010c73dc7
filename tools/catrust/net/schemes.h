/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SCHEMES_H
#define CATRUST_SCHEMES_H

#include "net/starttls/starttls.h"

#include <stddef.h>

/* A kind of URL. */
struct scheme {
	const char *name;
	unsigned port;
	enum starttls_protocol starttls;
};

/* name is not a string: len bytes, of any case. NULL: there is no such scheme. */
const struct scheme *scheme_by_name(const char *name, size_t len);

/* The one that is spoken on a port, or NULL. */
const struct scheme *scheme_by_port(unsigned port);

#endif
