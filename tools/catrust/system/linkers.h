/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_LINKERS_H
#define CATRUST_LINKERS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* The dynamic linkers of this system, one for each kind of program that can run here. */

enum { LINKERS_MAX = 8, LINKERS_LIB = 64 };

struct linker {
	char path[PATH_MAX];
	bool is_64;
	unsigned machine;	  /* e_machine of its ELF header */
	unsigned flags;		  /* e_flags */
	unsigned char byte_order; /* EI_DATA */
	char lib[LINKERS_LIB];	  /* the value of $LIB in its programs; "": unknown */
};

struct linkers {
	struct linker item[LINKERS_MAX];
	size_t count;
	bool has_musl; /* there is musl's, which ignores /etc/ld.so.preload and is not listed above
			*/
};

/* Finds the linkers that can run. Those of cross compilers are in other places. */
void linkers_find(struct linkers *ret);

/* Would the linker load the library path, according to its ELF header? */
bool linkers_is_for(const struct linker *linker, const char *path);

#endif
