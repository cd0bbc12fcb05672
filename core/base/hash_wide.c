/* hash64() of what is longer than XXH3_MIDSIZE_MAX, for processors with AVX2: the same hash in half
 * the instructions. It is a file of its own because all in it is compiled for them; whoever calls
 * it has asked the processor. */
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
