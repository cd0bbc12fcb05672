/* A row as it came, for a file of refused rows (io/rejects.h). */
#pragma once

#include "core/base/arena.h"
#include "core/base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* Without rows_keep_originals(), only the line is filled. */
struct row_original {
    uint64_t line; /* of the input, on which the row begins; 0: it has no lines */
    /* A row that fits its file, byte for byte, without its line end: as many cells of CSV as the
     * header has, or an object of JSON. .data NULL: it does not fit. */
    struct text bytes;
    /* What does not fit, byte for byte. .data NULL: nothing. Both: a refused row was mended in two
     * places. */
    struct text raw;
    /* CSV: the header that `raw` was under, if that is another than the file's; length 0: it is
     * not. */
    struct text columns;
    /* Where a row that was refused before came from then; length 0: from this input. */
    struct text source;
    uint64_t source_line;
};

/* Texts are copied into the arena. False: its limit is reached. */
static inline bool row_original_copy(const struct row_original *original, struct arena *arena,
                                     struct row_original *ret_original) {
    struct row_original copy = *original;
    struct text *texts[] = {&copy.bytes, &copy.raw, &copy.columns, &copy.source};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!texts[i]->data)
            continue;
        *texts[i] = arena_text(arena, *texts[i]);
        if (!texts[i]->data)
            return false;
    }
    *ret_original = copy;
    return true;
}
