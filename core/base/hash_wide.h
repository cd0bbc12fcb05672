/* Private to hash.c. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* clang has another pragma for the target of a file. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define HASH_HAS_WIDE
/* As hash64(); requires __builtin_cpu_supports("avx2"). Faster from HASH_WIDE_MIN bytes on. */
#define HASH_WIDE_MIN 241
uint64_t hash64_wide(const void *bytes, size_t length, uint64_t seed);
#endif
