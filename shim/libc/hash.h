/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_HASH_H
#define CATRUST_HASH_H

#include <stddef.h>
#include <stdint.h>

/*
 * FNV-1a of 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/. To find and to compare only; an
 * attacker can make two texts with one hash.
 */
#define HASH_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t hash_add(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * UINT64_C(0x100000001b3);
}

static inline uint64_t hash_bytes(const void *data, size_t len)
{
	const unsigned char *at = data;
	uint64_t hash = HASH_START;

	for (size_t i = 0; i < len; i++)
		hash = hash_add(hash, at[i]);
	return hash;
}

#endif
