/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SEEN_H
#define CATRUST_SEEN_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * What the library has seen in this process. catrust doctor reads it from the memory of the
 * process; the library itself never reads it.
 */

#define SEEN_MAGIC "catrust seen v1"

enum { SEEN_MAX = 8 };

struct seen {
	char magic[16];
	char version[16];
	/*
	 * Addresses, with 0 after the last: of real functions that verified a certificate through a
	 * hook
	 */
	_Atomic uintptr_t verified[SEEN_MAX];
	/* and in files whose OpenSSL got a bundle with anchors. */
	_Atomic uintptr_t served[SEEN_MAX];
};

extern struct seen seen;

/* Records each address once. There are no locks; addresses that do not fit are dropped. */
static inline void seen_note(_Atomic uintptr_t list[SEEN_MAX], uintptr_t address)
{
	for (int i = 0; i < SEEN_MAX; i++) {
		uintptr_t there = atomic_load_explicit(&list[i], memory_order_relaxed);

		if (there == address ||
		    (there == 0 && (atomic_compare_exchange_strong(&list[i], &there, address) ||
				    there == address)))
			return;
	}
}

#endif
