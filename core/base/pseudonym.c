/* Two protected fields of each transaction may pass here, so a short text is put together where it
 * is hashed, and eight digits are written at a time. */
#include "pseudonym.h"

#include "check.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PREFIX        "p1."
#define PREFIX_LENGTH (sizeof PREFIX - 1)
#define MAC_BYTES     16 /* 128 bits, and two zero bits: 26 digits of 5 bits */

bool pseudonym_is_key_id(struct text id) {
    if (id.length == 0 || id.length > PSEUDONYM_KEY_ID_MAX)
        return false;
    for (size_t i = 0; i < id.length; i++) {
        char c = id.data[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
            return false;
    }
    return true;
}

/* 40 bits as eight digits: each step halves the groups of bits and moves the halves apart, until
 * each byte has five bits. Those from 26 on are '2' to '7', which are 73 less than what would
 * follow 'z'. */
static inline void write_eight(uint64_t bits, char ret_digits[8]) {
    bits = (bits & UINT64_C(0xfffff)) | (bits & UINT64_C(0xfffff00000)) << 12;
    bits = (bits & UINT64_C(0x3ff000003ff)) | (bits & UINT64_C(0xffc00000ffc00)) << 6;
    bits = (bits & UINT64_C(0x1f001f001f001f)) | (bits & UINT64_C(0x3e003e003e003e0)) << 3;
    uint64_t is_number = (bits + UINT64_C(0x6666666666666666)) >> 7 & UINT64_C(0x0101010101010101);
    bits = htobe64(bits + UINT64_C(0x6161616161616161) - is_number * 73);
    memcpy(ret_digits, &bits, sizeof bits);
}

/* 24 digits of 15 bytes, and two of the last one: 8 bits and two zero bits. */
static void write_digits(const uint8_t mac[MAC_BYTES], char ret_digits[PSEUDONYM_DIGITS]) {
    static const char all[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint64_t high, low;
    memcpy(&high, mac, sizeof high);
    memcpy(&low, mac + 8, sizeof low);
    high = be64toh(high);
    low = be64toh(low);
    write_eight(high >> 24, ret_digits);
    write_eight((high & 0xffffff) << 16 | low >> 48, ret_digits + 8);
    write_eight(low >> 8 & UINT64_C(0xffffffffff), ret_digits + 16);
    ret_digits[24] = all[low >> 3 & 31];
    ret_digits[25] = all[low << 2 & 31];
}

static __attribute__((noinline)) void digest_long(const struct hmac *key, struct text domain,
                                                  struct text value, uint8_t ret_mac[32]) {
    char message[PSEUDONYM_DOMAIN_MAX + 1 + PSEUDONYM_VALUE_MAX];
    memcpy(message, domain.data, domain.length);
    message[domain.length] = '\0';
    memcpy(message + domain.length + 1, value.data, value.length);
    hmac_digest(key, message, domain.length + 1 + value.length, ret_mac);
}

/* *ret_mac: the MAC of domain || 0x00 || value. */
static inline void digest(const struct hmac *key, struct text domain, struct text value,
                          uint8_t ret_mac[32]) {
    uint8_t block[HMAC_BLOCK] = {0};
    size_t length = domain.length + 1 + value.length;
    if (length > HMAC_SHORT_MAX) {
        digest_long(key, domain, value, ret_mac);
        return;
    }
    text_put(block, domain);
    text_put(block + domain.length + 1, value);
    hmac_digest_short(key, block, length, ret_mac);
}

size_t pseudonym_make(const struct hmac *key, struct text key_id, struct text domain,
                      struct text value, char ret_pseudonym[PSEUDONYM_SIZE]) {
    uint8_t mac[32];
    check(domain.data && domain.length <= PSEUDONYM_DOMAIN_MAX && value.data &&
          value.length <= PSEUDONYM_VALUE_MAX && key_id.length <= PSEUDONYM_KEY_ID_MAX);
    digest(key, domain, value, mac);
    char *at = ret_pseudonym;
    memcpy(at, PREFIX, PREFIX_LENGTH);
    at += PREFIX_LENGTH;
    for (size_t i = 0; i < key_id.length; i++)
        *at++ = key_id.data[i];
    *at++ = '.';
    write_digits(mac, at);
    at += PSEUDONYM_DIGITS;
    *at = '\0';
    return (size_t)(at - ret_pseudonym);
}

/* The last digit has three bits of the MAC: of its values, only those with two zero bits occur. */
static bool are_digits(const char *at) {
    for (size_t i = 0; i < PSEUDONYM_DIGITS; i++)
        if (!(at[i] >= 'a' && at[i] <= 'z') && !(at[i] >= '2' && at[i] <= '7'))
            return false;
    return strchr("aeimquy4", at[PSEUDONYM_DIGITS - 1]) != NULL;
}

bool pseudonym_parse(struct text value, struct text *ret_key_id) {
    size_t around = PREFIX_LENGTH + 1 + PSEUDONYM_DIGITS;
    if (value.length <= around || memcmp(value.data, PREFIX, PREFIX_LENGTH) != 0)
        return false;
    const struct text key_id = {.data = value.data + PREFIX_LENGTH,
                                .length = value.length - around};
    const char *dot = key_id.data + key_id.length;
    if (!pseudonym_is_key_id(key_id) || *dot != '.' || !are_digits(dot + 1))
        return false;
    *ret_key_id = key_id;
    return true;
}

/* No field's name is empty, so no pseudonym is computed from this text. */
void pseudonym_fingerprint(const struct hmac *key,
                           char ret_fingerprint[PSEUDONYM_FINGERPRINT_SIZE]) {
    static const char message[] = "\0fingerprint";
    uint8_t mac[32];
    uint64_t value = 0;
    hmac_digest(key, message, sizeof message - 1, mac);
    for (size_t i = 0; i < 8; i++)
        value = value << 8 | mac[i];
    snprintf(ret_fingerprint, PSEUDONYM_FINGERPRINT_SIZE, "%016" PRIx64, value);
}
