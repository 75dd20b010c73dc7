/* SPDX-License-Identifier: Apache-2.0 */
#include "allocation.h"

#include <errno.h>

size_t allocation_to_fail;
bool allocation_all_fail, allocation_has_failed;

/* The names are those of the linker's option --wrap. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool fails(void)
{
	if (allocation_to_fail == 0)
		return false;
	if (allocation_to_fail > 1) {
		allocation_to_fail--;
		return false;
	}
	allocation_to_fail = allocation_all_fail ? 1 : 0;
	allocation_has_failed = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}
