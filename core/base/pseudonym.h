/* Keyed pseudonyms: what stands in place of a value that must not be kept.
 *
 *   "p1." KEY-ID "." B
 *
 * B: the first 16 bytes of HMAC-SHA-256(key, domain || 0x00 || value), in base32 (RFC 4648) with
 * small letters and without padding: 26 characters. The domain is the name of the field, so equal
 * values of two fields cannot be told to be equal, unless the policy gives them one domain. The
 * value is the bytes that were sent: nothing is trimmed, folded or normalised. The key id is 1 to 8
 * small letters and digits. p1 is the version of this definition.
 *
 * docs/operations/pseudonyms.md; tests/cases/pseudonyms.json has values, which every client's own
 * function gives as well. */
#pragma once

#include "hash.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PSEUDONYM_KEY_ID_MAX    8  /* characters */
#define PSEUDONYM_KEY_BYTES_MIN 32 /* of the secret */
#define PSEUDONYM_KEY_BYTES_MAX 1024
#define PSEUDONYM_DOMAIN_MAX    64   /* bytes */
#define PSEUDONYM_VALUE_MAX     1024 /* bytes */
#define PSEUDONYM_DIGITS        26
#define PSEUDONYM_SIZE          (3 + PSEUDONYM_KEY_ID_MAX + 1 + PSEUDONYM_DIGITS + 1)

/* Is this a key's id? */
bool pseudonym_is_key_id(struct text id);

/* Writes the pseudonym and a NUL; returns its length. The domain has no NUL and is at most
 * PSEUDONYM_DOMAIN_MAX long, the value at most PSEUDONYM_VALUE_MAX. Any thread. */
size_t pseudonym_make(const struct hmac *key, struct text key_id, struct text domain,
                      struct text value, char ret_pseudonym[PSEUDONYM_SIZE]);

/* Has the value exactly the form of a pseudonym? *ret_key_id points into it. */
bool pseudonym_parse(struct text value, struct text *ret_key_id);
static inline bool pseudonym_has_form(struct text value) {
    struct text key_id;
    return value.length > PSEUDONYM_DIGITS && value.data[0] == 'p' &&
           pseudonym_parse(value, &key_id);
}

/* What says whether two keys are the same, and nothing else about them: 16 hexadecimal digits and a
 * NUL. */
#define PSEUDONYM_FINGERPRINT_SIZE 17
void pseudonym_fingerprint(const struct hmac *key,
                           char ret_fingerprint[PSEUDONYM_FINGERPRINT_SIZE]);
