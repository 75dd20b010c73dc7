/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_COMPAT_H
#define CATRUST_COMPAT_H

/*
 * One shared object for every libc. A build on a new glibc would bind some functions in versions
 * that older ones lack. They are bound in their oldest version here, or replaced by system calls.
 * tests/gate checks it.
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if !defined(__LP64__)
#error "catrust supports 64-bit Linux"
#endif

#if defined(__GLIBC__)
#if defined(__x86_64__)
#define COMPAT_OLDEST "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define COMPAT_OLDEST "GLIBC_2.17"
#elif defined(__riscv)
#define COMPAT_OLDEST "GLIBC_2.27"
#else
#error "name this architecture's first glibc version here"
#endif
/*
 * These were in libdl until glibc 2.34 moved them to libc under a new version. They are weak, so
 * that a process without libdl starts, even under LD_BIND_NOW. The shim does not link libdl,
 * because mapping one more library is most of what a process that never uses TLS would notice of
 * the shim. See dl.h.
 */
#pragma weak dlopen
#pragma weak dlsym
#pragma weak dlclose
#pragma weak dladdr
__asm__(".symver dlopen,dlopen@" COMPAT_OLDEST);
__asm__(".symver dlsym,dlsym@" COMPAT_OLDEST);
__asm__(".symver dlclose,dlclose@" COMPAT_OLDEST);
__asm__(".symver dladdr,dladdr@" COMPAT_OLDEST);
#endif

/*
 * stat() is stat@GLIBC_2.33 or __xstat, depending on the build machine, and musl lacks __xstat. On
 * 64-bit Linux, the kernel's struct stat is the same as libc's.
 */
static inline int compat_fstat(int fd, struct stat *st)
{
	return (int)syscall(SYS_fstat, fd, st);
}

static inline int compat_stat(const char *path, struct stat *st)
{
	return (int)syscall(SYS_newfstatat, AT_FDCWD, path, st, 0);
}

static inline int compat_statat(int dir, const char *name, struct stat *st)
{
	return (int)syscall(SYS_newfstatat, dir, name, st, 0);
}

static inline int compat_lstatat(int dir, const char *name, struct stat *st)
{
	return (int)syscall(SYS_newfstatat, dir, name, st, AT_SYMLINK_NOFOLLOW);
}

#endif
