/* What became known about transactions after they were decided: it is in their slice or in later
 * ones, and the last record counts. */
#pragma once

#include "core/wire/types/amendment.h"
#include "core/wire/types/decision.h"
#include "find_slices.h"

struct find_later {
    uint64_t position; /* of the transaction */
    enum label label;  /* NONE: nothing was reported, or it was withdrawn; the times mean nothing */
    int64_t outcome_us, outcome_known_us; /* when it was received; by the client's clock */
    bool is_amended;
    struct amended amended;
    int64_t amended_us; /* when that was received */
    bool has_outcome;   /* found one already, even if it says NONE */
};

/* Fills in the outcomes, or the amendments, of transactions of the slice at `index`; items are in
 * rising order of .position, and zero otherwise. 1: a slice is damaged (struct find_slice). */
int find_later_outcomes(struct find_slices *slices, size_t index, struct find_later *items,
                        size_t count);
int find_later_amendments(struct find_slices *slices, size_t index, struct find_later *items,
                          size_t count);

/* The transactions of the slice that some outcome with one of these labels is about, whether it is
 * the last or not: rows of the slice, rising, each once. free() them. 1: as above. */
int find_later_labelled(struct find_slices *slices, size_t index, unsigned labels,
                        uint32_t **ret_rows, size_t *ret_count);
