/* SPDX-License-Identifier: Apache-2.0 */
/* Another preload library, that hooks what the shim hooks, and some of what it imports. See
 * hostile.py. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

static unsigned opened, contexts;

int openat(int dir, const char *path, int flags, ...)
{
	int (*real)(int, const char *, int, ...);
	va_list more;
	unsigned mode;

	va_start(more, flags);
	mode = va_arg(more, unsigned);
	va_end(more);
	*(void **)&real = dlsym(RTLD_NEXT, "openat");
	opened++;
	return real(dir, path, flags, mode);
}

void *SSL_CTX_new(const void *method);
void *SSL_CTX_new(const void *method)
{
	void *(*real)(const void *);

	*(void **)&real = dlsym(RTLD_NEXT, "SSL_CTX_new");
	contexts++;
	return real == NULL ? NULL : real(method);
}

int X509_verify_cert(void *ctx);
int X509_verify_cert(void *ctx)
{
	int (*real)(void *);

	*(void **)&real = dlsym(RTLD_NEXT, "X509_verify_cert");
	return real == NULL ? 0 : real(ctx);
}

/* BESIDE names a file that is made if it was used. */
__attribute__((destructor)) static void tell(void)
{
	const char *path = getenv("BESIDE");
	int fd = path == NULL || opened + contexts == 0 ? -1 : open(path, O_WRONLY | O_CREAT, 0644);

	if (fd >= 0)
		close(fd);
}
