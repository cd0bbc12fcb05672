/* XXH3 from xxhash.h, CRC-32C from the processor or ISA-L, SHA-256 from OpenSSL. In core/, only
 * this file, hmac.c and hash_wide.c include these libraries. */
#include "hash.h"

#include "buffer.h"
#include "check.h"
#include "hash_wide.h"

#include <isa-l/crc.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Compiled in: most of what is hashed is so short that calls would be the larger part. */
#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash64(const void *bytes, size_t length, uint64_t seed) {
#ifdef HASH_HAS_WIDE
    if (length >= HASH_WIDE_MIN && __builtin_cpu_supports("avx2"))
        return hash64_wide(bytes, length, seed);
#endif
    return XXH3_64bits_withSeed(length ? bytes : "", length, seed);
}

#if defined(__x86_64__)
/* The processor has an instruction for eight bytes; for short runs it alone takes half as long as
 * the library, which is made for long ones. */
#define CRC_SHORT_MIN 16
#define CRC_SHORT_MAX 256

static inline uint64_t crc_step(uint64_t crc, uint64_t word) {
    __asm__("crc32q %1, %0" : "+r"(crc) : "r"(word));
    return crc;
}

/* The bytes before the first whole word are treated as the end of a word with leading zeros: zeros
 * do not change a sum that starts at 0. The sum so far, which must be combined with the first four
 * bytes, is shifted to where those are. */
static uint32_t crc32c_short(uint32_t crc, const uint8_t *at, size_t length) {
    const size_t more = length % 8, shift = 64 - 8 * more;
    const unsigned __int128 so_far = (unsigned __int128)(uint32_t)~crc << shift;
    uint64_t sum = crc_step(0, (uint64_t)((unsigned __int128)load_u64(at) << shift ^ so_far));
    at += more;
    sum = crc_step(sum, load_u64(at) ^ (uint64_t)(so_far >> 64));
    for (const uint8_t *end = at + length - more; (at += 8) != end;)
        sum = crc_step(sum, load_u64(at));
    return ~(uint32_t)sum;
}
#endif

uint32_t crc32c(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *at = bytes;
#if defined(__x86_64__)
    if (length >= CRC_SHORT_MIN && length <= CRC_SHORT_MAX && __builtin_cpu_supports("sse4.2"))
        return crc32c_short(crc, at, length);
#endif
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

bool hash_equal_constant_time(const void *a, const void *b, size_t length) {
    return CRYPTO_memcmp(a, b, length) == 0;
}

/* Pieces are often a few bytes long, and each call of the library is expensive: they are collected
 * first. */
#define HASH_STREAM_BUFFER 4096

struct hash_stream {
    XXH3_state_t *state;
    size_t waiting; /* bytes collected and not hashed yet */
    uint8_t bytes[HASH_STREAM_BUFFER];
};

struct hash_stream *hash_stream_new(void) {
    struct hash_stream *stream = check_malloc(sizeof *stream);
    stream->state = XXH3_createState();
    stream->waiting = 0;
    check(stream->state && XXH3_64bits_reset(stream->state) == XXH_OK);
    return stream;
}

static void update(struct hash_stream *stream, const void *bytes, size_t length) {
    check(XXH3_64bits_update(stream->state, bytes, length) == XXH_OK);
}

static void flush_waiting(struct hash_stream *stream) {
    if (stream->waiting)
        update(stream, stream->bytes, stream->waiting);
    stream->waiting = 0;
}

void hash_stream_add(struct hash_stream *stream, const void *bytes, size_t length) {
    if (length == 0)
        return;
    if (length > HASH_STREAM_BUFFER - stream->waiting)
        flush_waiting(stream);
    if (length > HASH_STREAM_BUFFER) {
        update(stream, bytes, length);
        return;
    }
    memcpy(stream->bytes + stream->waiting, bytes, length);
    stream->waiting += length;
}

uint64_t hash_stream_value(struct hash_stream *stream) {
    flush_waiting(stream);
    return XXH3_64bits_digest(stream->state);
}

struct hash_stream *hash_stream_copy(const struct hash_stream *stream) {
    struct hash_stream *copy = hash_stream_new();
    XXH3_copyState(copy->state, stream->state);
    copy->waiting = stream->waiting;
    memcpy(copy->bytes, stream->bytes, stream->waiting);
    return copy;
}

void hash_stream_free(struct hash_stream *stream) {
    if (!stream)
        return;
    XXH3_freeState(stream->state);
    free(stream);
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
