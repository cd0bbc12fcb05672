/* The hashes that our formats use. None but the keyed one hides its input: a card number must never
 * be hashed with the others (PCI DSS 4.0 §3.5.1.1). */
#pragma once

#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* XXH3, 64 bits, the same on every machine. Not collision-resistant against an attacker: see
 * hash_secret(). */
uint64_t hash64(const void *bytes, size_t length, uint64_t seed);
static inline uint64_t hash_text(struct text t) {
    return hash64(t.data, t.length, 0);
}

/* An odd factor for one hash table, from its address, which is unknown outside the process: clients
 * choose the keys, and so cannot choose where they land. It differs in every process, so no result
 * may depend on it. */
static inline uint64_t hash_secret(const void *memory) {
    return hash64(&memory, sizeof memory, 0) | 1;
}

/* The position of a hash in such a table: all bits of the hash and of the secret matter. (The lower
 * half of the product alone would be alike for hashes that are alike in their lower bits.) */
static inline uint32_t hash_place(uint64_t hash, uint64_t secret) {
    unsigned __int128 product = (unsigned __int128)hash * secret;
    return (uint32_t)(product >> 64) ^ (uint32_t)(product >> 32);
}

/* CRC-32C (Castagnoli) as iSCSI and ext4 compute it: crc32c(0, "123456789", 9) = 0xe3069283. To
 * continue over more bytes, pass the result so far. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t length);

/* SHA-256, for seals and for ids of what people write (policies, manifests). */
struct sha256;
struct sha256 *sha256_new(void);
void sha256_add(struct sha256 *sha, const void *bytes, size_t length);
/* Writes the digest and frees sha. */
void sha256_finish(struct sha256 *sha, uint8_t ret_digest[32]);

/* HMAC-SHA-256 (RFC 2104) with one key. */
struct hmac;
struct hmac *hmac_new(const void *key, size_t length);
/* Any thread, several at a time. */
void hmac_digest(const struct hmac *hmac, const void *bytes, size_t length, uint8_t ret_digest[32]);
/* The same in the least time, of a text that the caller has put at the beginning of a block of
 * zeros. The block is changed. */
#define HMAC_BLOCK     64
#define HMAC_SHORT_MAX 55 /* bytes of text */
void hmac_digest_short(const struct hmac *hmac, uint8_t block[HMAC_BLOCK], size_t length,
                       uint8_t ret_digest[32]);
void hmac_free(struct hmac *hmac); /* the key is wiped; NULL is allowed */

/* memcmp() == 0 in a time that depends on length alone: for secrets that could be guessed byte by
 * byte. */
bool hash_equal_constant_time(const void *a, const void *b, size_t length);

/* 16 lower-case hex digits and a NUL: how ids of 64 bits are printed everywhere. */
#define HASH_HEX_SIZE 17
void hash_hex(uint64_t value, char ret_hex[HASH_HEX_SIZE]);
/* 0, or -1 unless text is exactly 16 hex digits */
int hash_parse_hex(struct text t, uint64_t *ret_value);

/* XXH3 over a stream: the same as hash64(…, 0) over all pieces together. */
struct hash_stream;
struct hash_stream *hash_stream_new(void);
void hash_stream_add(struct hash_stream *stream, const void *bytes, size_t length);
/* The hash of everything so far; more may be added. */
uint64_t hash_stream_value(struct hash_stream *stream);
/* A second stream that continues from the same state. */
struct hash_stream *hash_stream_copy(const struct hash_stream *stream);
void hash_stream_free(struct hash_stream *stream); /* NULL is allowed */
