/* A place between two records of an archive. Two places are equal when both members are: the chain
 * tells archives with the same number of records apart. */
#pragma once

#include <stdint.h>

#define SEAL_HASH_SIZE 32 /* bytes of a seal's SHA-256 */

struct archive_place {
    uint64_t position; /* 0: before the first record */
    uint64_t chain;    /* of all records up to and including it; 0 at position 0 */
};
