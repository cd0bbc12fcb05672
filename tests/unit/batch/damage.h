/* Bytes that are not what was encoded: every byte changed, every end cut off. The sanitizers see
 * whether a decoder goes astray. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

/* decode: whether the cursor has failed and how much is left is looked at behind it. Cut bytes must
 * fail it; changed ones may be other numbers. */
static inline void damage_all(const struct buffer *bytes,
                              void (*decode)(void *user, struct cursor *cursor), void *user) {
    static const uint8_t changes[] = {0x01, 0x80, 0xff};
    size_t refused = 0, most = sizeof changes / sizeof *changes;
    size_t step = bytes->length > 4000 ? 7 : 1;
    for (size_t at = 0; at < bytes->length; at += step) {
        /* Its own memory, of just this length. */
        uint8_t *copy = check_malloc(bytes->length);
        for (size_t i = 0; i < most; i++) {
            memcpy(copy, bytes->bytes, bytes->length);
            copy[at] ^= changes[i];
            struct cursor cursor = cursor_of(copy, bytes->length);
            decode(user, &cursor);
            refused += cursor.failed;
        }
        free(copy);
        copy = check_malloc(at + 1);
        memcpy(copy, bytes->bytes, at);
        struct cursor cursor = cursor_of(copy, at);
        decode(user, &cursor);
        assert_true(cursor.failed);
        free(copy);
    }
    assert_true(refused > 0);
}
