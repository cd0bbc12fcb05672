/* Compares two folds of one archive: two views of the same plan and position, state by state; equal
 * states are equal bytes. An absent state equals an idle one: neither is in a view. */
#pragma once

#include "core/base/buffer.h"
#include "overlay.h"

#include <stdbool.h>
#include <stdint.h>

/* One entity with different states; length 0: it has none on that side. Valid during the call. */
struct state_difference {
    size_t entity;
    struct text key;
    struct text left, right;
};

struct comparison_listener {
    void (*differs)(struct comparison_listener *self, const struct state_difference *difference);
    /* Called every 256 entities with the number compared so far. false: stop. */
    bool (*goes_on)(struct comparison_listener *self, uint64_t entities);
    /* Leaves out entities that it returns false for, on either side. NULL: none. */
    bool (*is_wanted)(struct comparison_listener *self, struct text key);
};

struct comparison {
    uint64_t entities; /* on either side or both */
    uint64_t differences;
    struct {
        uint64_t entities, differences;
    } of[PLAN_ENTITIES_MAX]; /* each of the plan's */
    bool is_tally_different; /* counts of transactions, outcomes and labels */
    size_t list_entries;     /* of the left side: what was added to lists */
    bool are_lists_different;
    size_t sources; /* of the left side */
    bool are_sources_different;
};

/* ERROR_INTERRUPTED: the listener stopped it. The views stay the caller's. */
int comparison_run(struct overlay_view *left, struct overlay_view *right,
                   struct comparison_listener *listener, struct comparison *ret_comparison,
                   struct error *ret_error);

/* Appends "count_1h 3 against 2, sum_1h …": the features for which the two states give different
 * values, at the time of the newer newest transaction. with_texts: also the values of text
 * features, which may be personal data. */
void state_difference_describe(const struct state_difference *difference, const struct plan *plan,
                               bool with_texts, struct buffer *out);
