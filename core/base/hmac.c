/* HMAC-SHA-256 from OpenSSL's SHA-256. Apart from hash.c, so that libharrier has pseudonyms and
 * needs no library for the other hashes. */
/* SHA256_CTX and its functions: declared, but deprecated since OpenSSL 3.0. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "check.h"
#include "hash.h"

#include <endian.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The state of SHA-256 behind the first block of either pass, which depends on the key alone: a
 * digest of a short text then takes two blocks. The library's newer interface takes several times
 * as long as these two. */
struct hmac {
    SHA_LONG inner[8], outer[8];
};

#define SHA_BLOCK 64

static void begin_pass(const uint8_t key[SHA_BLOCK], uint8_t pad, SHA_LONG ret_state[8]) {
    SHA256_CTX sha;
    uint8_t block[SHA_BLOCK];
    for (size_t i = 0; i < SHA_BLOCK; i++)
        block[i] = key[i] ^ pad;
    SHA256_Init(&sha);
    SHA256_Transform(&sha, block);
    memcpy(ret_state, sha.h, sizeof sha.h);
    explicit_bzero(&sha, sizeof sha);
    explicit_bzero(block, sizeof block);
}

/* Not written to swap where the limits of the process allow it. What is locked is whole pages, and
 * locks of one page are not counted: other keys may lie in it, so it is never unlocked. */
struct hmac *hmac_new(const void *key, size_t length) {
    struct hmac *hmac = check_malloc(sizeof *hmac);
    uint8_t block[SHA_BLOCK] = {0};
    if (length > SHA_BLOCK)
        SHA256(key, length, block);
    else if (length > 0)
        memcpy(block, key, length);
    mlock(hmac, sizeof *hmac);
    begin_pass(block, 0x36, hmac->inner);
    begin_pass(block, 0x5c, hmac->outer);
    explicit_bzero(block, sizeof block);
    return hmac;
}

/* The end of a text of `length` bytes behind one block: its padding, which ends the block. */
static inline void pad(uint8_t block[SHA_BLOCK], size_t length) {
    uint64_t bits = htobe64((SHA_BLOCK + length) * 8);
    block[length] = 0x80;
    memcpy(block + SHA_BLOCK - sizeof bits, &bits, sizeof bits);
}

/* Two words at a time. */
static inline void write_words(const SHA256_CTX *sha, uint8_t ret_digest[32]) {
    const SHA_LONG *h = sha->h;
    const uint64_t pairs[] = {
        htobe64((uint64_t)h[0] << 32 | h[1]),
        htobe64((uint64_t)h[2] << 32 | h[3]),
        htobe64((uint64_t)h[4] << 32 | h[5]),
        htobe64((uint64_t)h[6] << 32 | h[7]),
    };
    memcpy(ret_digest, pairs, sizeof pairs);
}

/* Of all members of a SHA256_CTX, SHA256_Transform() uses h alone. */
static inline void finish(const struct hmac *hmac, SHA256_CTX *sha, uint8_t ret_digest[32]) {
    uint8_t block[SHA_BLOCK] = {0};
    write_words(sha, block);
    pad(block, 32);
    memcpy(sha->h, hmac->outer, sizeof sha->h);
    SHA256_Transform(sha, block);
    write_words(sha, ret_digest);
}

void hmac_digest_short(const struct hmac *hmac, uint8_t block[HMAC_BLOCK], size_t length,
                       uint8_t ret_digest[32]) {
    SHA256_CTX sha;
    pad(block, length);
    memcpy(sha.h, hmac->inner, sizeof sha.h);
    SHA256_Transform(&sha, block);
    finish(hmac, &sha, ret_digest);
}

void hmac_digest(const struct hmac *hmac, const void *bytes, size_t length,
                 uint8_t ret_digest[32]) {
    if (length <= HMAC_SHORT_MAX) {
        uint8_t block[HMAC_BLOCK] = {0};
        if (length > 0)
            memcpy(block, bytes, length);
        hmac_digest_short(hmac, block, length, ret_digest);
        return;
    }
    SHA256_CTX sha;
    uint8_t digest[32];
    SHA256_Init(&sha);
    memcpy(sha.h, hmac->inner, sizeof sha.h);
    sha.Nl = SHA_BLOCK * 8; /* bits so far */
    SHA256_Update(&sha, bytes, length);
    SHA256_Final(digest, &sha);
    finish(hmac, &sha, ret_digest);
}

void hmac_free(struct hmac *hmac) {
    if (!hmac)
        return;
    explicit_bzero(hmac, sizeof *hmac);
    free(hmac);
}
