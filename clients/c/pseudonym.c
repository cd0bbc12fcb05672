/* The definition is the core's: this is the door to it for users of the library. */
#include "clients/c/base/fail.h"
#include "clients/c/harrier.h"

#include "core/base/pseudonym.h"

#include <stdio.h>

_Static_assert(HARRIER_PSEUDONYM_SIZE >= PSEUDONYM_SIZE, "it fits");

int harrier_pseudonym(const void *key, size_t key_length, const char *key_id, const char *domain,
                      const char *value, char ret_pseudonym[HARRIER_PSEUDONYM_SIZE],
                      struct harrier_error *ret_error) {
    if (!key || key_length < PSEUDONYM_KEY_BYTES_MIN)
        return fail(ret_error, HARRIER_ERROR_INVALID, "key",
                    "the key has %zu bytes; expected at least %d", key ? key_length : 0,
                    PSEUDONYM_KEY_BYTES_MIN);
    if (!key_id || !pseudonym_is_key_id(text_of(key_id)))
        return fail(ret_error, HARRIER_ERROR_INVALID, "key_id",
                    "a key id has 1 to %d small letters and digits", PSEUDONYM_KEY_ID_MAX);
    if (!domain || !*domain || strlen(domain) > PSEUDONYM_DOMAIN_MAX)
        return fail(ret_error, HARRIER_ERROR_INVALID, "domain",
                    "expected a field's name of at most %d bytes", PSEUDONYM_DOMAIN_MAX);
    if (!value || strlen(value) > PSEUDONYM_VALUE_MAX)
        return fail(ret_error, HARRIER_ERROR_INVALID, "value",
                    "expected a value of at most %d bytes", PSEUDONYM_VALUE_MAX);
    struct hmac *hmac = hmac_new(key, key_length);
    char made[PSEUDONYM_SIZE];
    pseudonym_make(hmac, text_of(key_id), text_of(domain), text_of(value), made);
    hmac_free(hmac);
    snprintf(ret_pseudonym, HARRIER_PSEUDONYM_SIZE, "%s", made);
    return 0;
}
