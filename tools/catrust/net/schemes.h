/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SCHEMES_H
#define CATRUST_SCHEMES_H

#include "net/starttls/starttls.h"

#include <stddef.h>

/* A scheme of URLs. */
struct scheme {
	const char *name;
	unsigned port;
	enum starttls_protocol starttls;
};

/* name has len bytes, in upper or lower case, and no NUL. NULL: there is no such scheme. */
const struct scheme *scheme_by_name(const char *name, size_t len);

/* The scheme that a port means, or NULL. */
const struct scheme *scheme_by_port(unsigned port);

#endif
