/* What is known of a source of transactions and of the numbers that it gives them, as a generation
 * stores it. Plain values; core/store/sources/source_table.h says what they mean and keeps them. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOURCE_WINDOW     1024u /* numbers; a multiple of 8 */
#define SOURCE_RANGES_MAX 64u

struct source_range {
    uint64_t first, last; /* both included */
};

/* Numbers from 1 that rise by one. */
struct source_numbering {
    uint64_t first, highest;                        /* 0: no number has come */
    uint8_t seen[SOURCE_WINDOW / 8];                /* harrier.archive.v1.SourceNumbering */
    struct source_range missing[SOURCE_RANGES_MAX]; /* the last ones, rising */
    size_t missing_count;
};

struct source_counts {
    uint64_t gaps, missed, late, repeats, restarts;
};

struct source_state {
    struct text name;
    uint64_t transactions;
    int64_t last_receive_us;
    struct source_counts counts;
    struct source_numbering current, previous; /* previous.highest 0: there is none */
};

/* Appends its bytes. The same state gives the same bytes on every machine. */
void source_state_encode(const struct source_state *state, struct buffer *buffer);

/* The name lives in the arena. ERROR_DAMAGED, ERROR_TOO_LARGE. */
int source_state_decode(const void *bytes, size_t length, struct arena *arena,
                        struct source_state *ret_state, struct error *ret_error);
