/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_ENVPRINT_H
#define CATRUST_ENVPRINT_H

#include <stdbool.h>
#include <stdio.h>

/* Formats in which an environment is printed for others. */
enum envprint_format {
	ENVPRINT_SH,	     /* export NAME='value', for any Bourne shell */
	ENVPRINT_DOCKER,     /* NAME=value, for --env-file of docker and podman */
	ENVPRINT_SYSTEMD,    /* Environment="NAME=value", for a unit */
	ENVPRINT_KUBERNETES, /* an entry of a container's env, two lines of YAML */
};

bool envprint_by_name(const char *name, enum envprint_format *ret);

/* May a variable have this name, in any shell? */
bool envprint_name_ok(const char *name, size_t len);

/* Prints one line; for Kubernetes two. Returns false, and prints nothing, if the format can't
 * express value. */
bool envprint(FILE *to, enum envprint_format format, const char *name, const char *value);

#endif
