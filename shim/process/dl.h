/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_DL_H
#define CATRUST_DL_H

#include <dlfcn.h>
#include <stdbool.h>

/*
 * dlopen() and similar functions, wherever the process has them: in libc, or before glibc 2.34 in
 * libdl, which may be visible only to a plugin (RTLD_LOCAL). They return NULL if there are none.
 */
void *dl_open(const char *path, int flags);
void *dl_symbol(void *handle, const char *name);
void dl_close(void *handle); /* NULL: does nothing */

/* dladdr(): false if it fails, or there is none. */
bool dl_address(const void *address, Dl_info *ret);

/*
 * The C library's function of a name that the shim exports, or that of another preloaded library
 * behind the shim. Works even if there is no dlsym().
 */
void *dl_next(const char *name);

/* Is the C library of this process musl? */
bool dl_is_musl(void);

#endif
