/* hash64() of runs longer than XXH3_MIDSIZE_MAX, for processors with AVX2: the same hash in half
 * the instructions. A file of its own, because all of it is compiled for AVX2; the caller has
 * checked the processor. */
#include "hash_wide.h"

#ifdef HASH_HAS_WIDE
#pragma GCC target("avx2")
#define XXH_INLINE_ALL
#define XXH_VECTOR XXH_AVX2 /* also where the compiler may do more */
#include <xxhash.h>

uint64_t hash64_wide(const void *bytes, size_t length, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes, length, seed);
}
#endif
