#include "hash.h"

#include "check.h"

#include <isa-l/crc.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <xxhash.h>

uint64_t hash64(const void *bytes, size_t length, uint64_t seed) {
    return XXH3_64bits_withSeed(length ? bytes : "", length, seed);
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *at = bytes;
    /* The library counts in int and leaves the usual inversion to the caller. */
    while (length > 0) {
        int piece = length > (1u << 30) ? (1 << 30) : (int)length;
        crc = ~crc32_iscsi((unsigned char *)(uintptr_t)at, piece, ~crc);
        at += piece;
        length -= (size_t)piece;
    }
    return crc;
}

struct sha256 *sha256_new(void) {
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    check(digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1);
    return (struct sha256 *)digest;
}

void sha256_add(struct sha256 *sha, const void *bytes, size_t length) {
    check(EVP_DigestUpdate((EVP_MD_CTX *)sha, bytes, length) == 1);
}

void sha256_finish(struct sha256 *sha, uint8_t ret_digest[32]) {
    check(EVP_DigestFinal_ex((EVP_MD_CTX *)sha, ret_digest, NULL) == 1);
    EVP_MD_CTX_free((EVP_MD_CTX *)sha);
}

struct hash_stream *hash_stream_new(void) {
    XXH3_state_t *state = XXH3_createState();
    check(state && XXH3_64bits_reset(state) == XXH_OK);
    return (struct hash_stream *)state;
}

void hash_stream_add(struct hash_stream *stream, const void *bytes, size_t length) {
    if (length)
        check(XXH3_64bits_update((XXH3_state_t *)stream, bytes, length) == XXH_OK);
}

uint64_t hash_stream_value(const struct hash_stream *stream) {
    return XXH3_64bits_digest((const XXH3_state_t *)stream);
}

void hash_stream_free(struct hash_stream *stream) {
    XXH3_freeState((XXH3_state_t *)stream);
}

void hash_hex(uint64_t value, char ret_hex[HASH_HEX_SIZE]) {
    snprintf(ret_hex, HASH_HEX_SIZE, "%016llx", (unsigned long long)value);
}

int hash_parse_hex(struct text t, uint64_t *ret_value) {
    if (t.length != HASH_HEX_SIZE - 1)
        return -1;
    uint64_t value = 0;
    for (size_t i = 0; i < t.length; i++) {
        char c = t.data[i];
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a' + 10);
        else
            return -1;
        value = value << 4 | digit;
    }
    *ret_value = value;
    return 0;
}
