/* The rows of a slice that may match a search, the newest first, by what the index knows. */
#pragma once

#include "core/wire/types/find.h"
#include "find_slices.h"

#define FIND_LISTS_MAX (FIELD_COUNT + 3) /* keys, id, rule, labels */

/* Rows with one value of a term, or with either of two: rising. */
struct find_list {
    const uint32_t *rows[2];
    size_t count[2];
};

struct find_range {
    bool is_set;
    uint32_t min, max;
};

struct find_select {
    struct find_slice *slice;
    uint32_t begin, end; /* rows that are left to look at */
    struct find_range event, amount, score;
    unsigned verdicts; /* bit n: enum verdict n; 0: all */
    bool has_currency;
    uint8_t currency;
    struct find_list
        lists[FIND_LISTS_MAX]; /* a row must be in all of them; the shortest is first */
    size_t list_count;
    uint32_t *labelled; /* memory of one of them */
};

/* before: only transactions before this position. Deinit it in any case. 1: a slice is damaged. */
int find_select_init(struct find_select *select, struct find_slices *slices, size_t index,
                     const struct find_query *query, uint64_t before);
void find_select_deinit(struct find_select *select);
/* Up to `size` rows, falling; 0 of them: there are no more. 1: a slice is damaged. */
int find_select_next(struct find_select *select, uint32_t *ret_rows, size_t size,
                     size_t *ret_count);
