/* Two protected fields of each transaction pass here, so a short value takes no memory but the
 * stack, and digits are written two at a time. */
#include "pseudonym.h"

#include "check.h"

#include <string.h>

#define PREFIX        "p1."
#define PREFIX_LENGTH (sizeof PREFIX - 1)
#define MAC_BYTES     16 /* 128 bits, and two zero bits: 26 digits of 5 bits */

static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";

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

static void write_digits(const uint8_t mac[MAC_BYTES], char ret_digits[PSEUDONYM_DIGITS]) {
    uint64_t high = 0, low = 0;
    for (size_t i = 0; i < 8; i++) {
        high = high << 8 | mac[i];
        low = low << 8 | mac[8 + i];
    }
    unsigned __int128 bits = (unsigned __int128)high << 64 | low;
    for (size_t i = 0; i < PSEUDONYM_DIGITS - 1; i++) {
        ret_digits[i] = digits[(uint64_t)(bits >> 123)];
        bits <<= 5;
    }
    ret_digits[PSEUDONYM_DIGITS - 1] = digits[(uint64_t)(bits >> 123)];
}

size_t pseudonym_make(const struct hmac *key, struct text key_id, struct text domain,
                      struct text value, char ret_pseudonym[PSEUDONYM_SIZE]) {
    char message[PSEUDONYM_DOMAIN_MAX + 1 + PSEUDONYM_VALUE_MAX];
    uint8_t mac[32];
    check(domain.length <= PSEUDONYM_DOMAIN_MAX && value.length <= PSEUDONYM_VALUE_MAX &&
          key_id.length <= PSEUDONYM_KEY_ID_MAX);
    if (domain.length > 0)
        memcpy(message, domain.data, domain.length);
    message[domain.length] = '\0';
    if (value.length > 0)
        memcpy(message + domain.length + 1, value.data, value.length);
    hmac_digest(key, message, domain.length + 1 + value.length, mac);
    char *at = ret_pseudonym;
    memcpy(at, PREFIX, PREFIX_LENGTH);
    at += PREFIX_LENGTH;
    memcpy(at, key_id.data, key_id.length);
    at += key_id.length;
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
    hash_hex(value, ret_fingerprint);
}
