/* The keys that pseudonyms are made with, as a file has them:
 *
 *   # comments, empty lines
 *   k1 5d…e7
 *   k2 41…0b from 2027-01-01T00:00:00Z
 *
 * A line is a key's id (core/base/pseudonym.h), its secret in hexadecimal digits or base64, and
 * then in any order `from TIME` and `until TIME` (RFC 3339). Times are event times. For a
 * transaction the key with the latest `from` that is not after its event time is taken; a key
 * without one is there from the beginning. Nothing is taken under a key from its `until` on, not
 * even a pseudonym that a client has made: so two keys overlap from the `from` of the new one to
 * the `until` of the old one.
 *
 * The file has the keys of people's data: its owner alone may write it, and nobody but the owner
 * and the group may read it. The secrets are not kept: only the states of SHA-256 that follow from
 * them are, in memory that is not written to swap where the process may lock it, and that is wiped
 * at the end. No message repeats anything of a line but a valid id. */
#pragma once

#include "core/base/error.h"
#include "core/base/pseudonym.h"
#include "core/base/text.h"

#include <stdint.h>

#define PSEUDONYM_KEYS_MAX           64
#define PSEUDONYM_KEYS_FILE_SIZE_MAX ((size_t)256 << 10)

struct pseudonym_key {
    char id[PSEUDONYM_KEY_ID_MAX + 1];
    uint8_t id_length;
    struct hmac *hmac;
    int64_t from_us;  /* INT64_MIN: from the beginning */
    int64_t until_us; /* INT64_MAX: there is no end */
};

static inline struct text pseudonym_key_id(const struct pseudonym_key *key) {
    return (struct text){.data = key->id, .length = key->id_length};
}

struct pseudonym_keys; /* immutable */

/* `shown` is what messages call the text. ERROR_INVALID. */
int pseudonym_keys_parse(struct text content, const char *shown, struct pseudonym_keys **ret_keys,
                         struct error *ret_error);
/* ERROR_NOT_FOUND, ERROR_INVALID (its mode, its content), ERROR_TOO_LARGE, ERROR_SYSTEM. */
int pseudonym_keys_load(const char *path, struct pseudonym_keys **ret_keys,
                        struct error *ret_error);
void pseudonym_keys_free(struct pseudonym_keys *keys); /* wipes; NULL is allowed */

/* By `from`; NULL behind the last. */
const struct pseudonym_key *pseudonym_keys_get(const struct pseudonym_keys *keys, size_t index);
/* The key for this event time. NULL: there is none. */
const struct pseudonym_key *pseudonym_keys_at(const struct pseudonym_keys *keys, int64_t time_us);
/* The key of this id. NULL: there is none. */
const struct pseudonym_key *pseudonym_keys_find(const struct pseudonym_keys *keys, struct text id);
