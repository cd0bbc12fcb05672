/* Are two folds of one archive the same? Two views of the same plan and the same position, state by
 * state; equal states are equal bytes. A state that is absent equals an idle one: neither is in a
 * view. */
#pragma once

#include "core/base/buffer.h"
#include "overlay.h"

#include <stdbool.h>
#include <stdint.h>

/* One entity with different states. Length 0: it is not there. Valid during the call. */
struct state_difference {
    size_t entity;
    struct text key;
    struct text left, right;
};

struct comparison_listener {
    void (*differs)(struct comparison_listener *self, const struct state_difference *difference);
    /* Called now and then with the number of entities gone through. False: stop. */
    bool (*goes_on)(struct comparison_listener *self, uint64_t entities);
};

struct comparison {
    uint64_t entities; /* there are on either side */
    uint64_t differences;
    struct {
        uint64_t entities, differences;
    } of[PLAN_ENTITIES_MAX]; /* each of the plan's */
    bool is_tally_different; /* counts of transactions, outcomes and labels */
    size_t list_entries;     /* of the left side: what was added to lists */
    bool are_lists_different;
};

/* ERROR_INTERRUPTED: it was stopped. */
int comparison_run(struct overlay_view *left, struct overlay_view *right,
                   struct comparison_listener *listener, struct comparison *ret_comparison,
                   struct error *ret_error);

/* Appends "count_1h 3 against 2, sum_1h …": the features of which the two states give different
 * values at the newer one's newest transaction. with_texts: also what values that are texts are,
 * which may be personal. */
void state_difference_describe(const struct state_difference *difference, const struct plan *plan,
                               bool with_texts, struct buffer *out);
